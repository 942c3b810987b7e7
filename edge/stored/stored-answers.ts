// Decides which stored answer of an address fits a request, and whether it is fresh or served stale-if-error.
// It also stores a new answer.
import type { Fields } from '../../http/fields.ts';
import type { Fence } from '../fence.ts';
import { parseCacheControl, secondsOf } from '../http/freshness.ts';
import { fits, sameVary } from '../http/vary.ts';
import { covers } from './answer.ts';
import { ageOfS, freshForS, type Store, type StoredResponse } from './stored-response.ts';

export interface StoredAnswers {
  /** Also finds answers that are stale or below a floor: `decideUse` checks that at each serving. */
  find(key: string, request: Fields, method: string): Promise<StoredLookup>;
  /** @returns false where the fence refused it. */
  store(key: string, stored: StoredResponse): Promise<boolean>;
  remove(key: string): Promise<void>;
}

export interface StoredLookup {
  stored: StoredResponse | undefined;
  /** Whether the address is known at all. */
  known: boolean;
}

/** @param onFault called where the store fails. The address then counts as unknown, and nothing is stored. */
export function createStoredAnswers(
  store: Store,
  fence: Fence,
  maxVariants: number,
  onFault: (error: unknown) => void,
): StoredAnswers {
  const variantsOf = async (key: string) => {
    try {
      return await store.get(key);
    } catch (error) {
      onFault(error);
      return undefined;
    }
  };

  return {
    async find(key, request, method) {
      const variants = await variantsOf(key);
      return { stored: chooseVariant(variants, request, method), known: variants !== undefined };
    },
    async store(key, stored) {
      if (!fence.mayStore(stored.tags, stored.epoch)) return false;
      const others = ((await variantsOf(key)) ?? []).filter((other) => !sameVary(other, stored));
      try {
        await store.set(key, [stored, ...others].slice(0, maxVariants));
        return true;
      } catch (error) {
        onFault(error);
        return false;
      }
    },
    async remove(key) {
      try {
        await store.delete(key);
      } catch (error) {
        onFault(error);
      }
    },
  };
}

/** A whole answer goes before a part, and a part counts only where it covers what is asked. */
export function chooseVariant(
  variants: StoredResponse[] | undefined,
  request: Fields,
  method: string,
): StoredResponse | undefined {
  let part: StoredResponse | undefined;
  for (const variant of variants ?? []) {
    if (!fits(variant, request)) continue;
    if (variant.part === undefined) return variant;
    if (part === undefined && covers(variant, request, method)) part = variant;
  }
  return part;
}

/** Decides how a stored answer may be used for a request at this moment. */
type StoredUse = 'serve' | 'serve-and-refresh' | 'ask';

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
