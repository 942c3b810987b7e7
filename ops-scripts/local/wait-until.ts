// Retries until a condition holds, up to a deadline; ends early where it can no longer hold.
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** For the error: "Redis to answer". */
  what: string;
  deadlineMs: number;
  everyMs?: number;
  /** Checked between tries; a sentence ends the wait at once. */
  hopeless?: () => string | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Tries until `attempt` returns something other than `undefined` or `false`; what it throws counts as "not yet".
 * @throws after `deadlineMs`, with the last failure as cause.
 */
export async function waitUntil<T>(
  attempt: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const end = performance.now() + options.deadlineMs;
  let last: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const found = await attempt();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    const hopeless = options.hopeless?.();
    if (hopeless !== undefined) throw new Error(hopeless);
    if (performance.now() > end) {
      throw new Error(`Waited ${Math.round(options.deadlineMs / 1_000)} s in vain for ${options.what}`, {
        cause: last,
      });
    }
    await sleep(options.everyMs ?? 25);
  }
}
