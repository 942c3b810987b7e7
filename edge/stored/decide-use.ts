// Decides how a stored answer may be used for a request at this moment.

import type { Fields } from '../../http/fields.ts';
import type { Fence } from '../fence.ts';
import { parseCacheControl, secondsOf } from '../http/cache-control.ts';
import { ageOfS, freshForS, type StoredResponse } from './stored-response.ts';

export type StoredUse = 'serve' | 'serve-and-refresh' | 'ask';

/** Called at each serving, because time, floors and lease change while a request waits. */
export function decideUse(stored: StoredResponse, request: Fields, fence: Fence, nowMs: number): StoredUse {
  if (!fence.maySend(stored.tags, stored.epoch)) return 'ask';
  const leftS = freshForS(stored, nowMs);
  const field = request.get('cache-control');
  if (field === null && leftS > 0) return 'serve';
  const wishes = parseCacheControl(field);
  if (wishes.has('no-cache') || wishes.has('no-store')) return 'ask';
  if (ageOfS(stored, nowMs) > (secondsOf(wishes, 'max-age') ?? Infinity)) return 'ask';
  if (leftS > (secondsOf(wishes, 'min-fresh') ?? 0)) return 'serve';
  return leftS <= 0 && leftS > -stored.staleWhileRevalidateS ? 'serve-and-refresh' : 'ask';
}

/** Whether it may be served in place of an answer that did not come. @param allowedS how long it may be stale. */
export function mayServeStale(
  stored: StoredResponse,
  allowedS: number,
  fence: Fence,
  nowMs: number,
): boolean {
  return -freshForS(stored, nowMs) <= allowedS && fence.maySend(stored.tags, stored.epoch);
}
