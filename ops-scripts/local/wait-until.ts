// Waits for a condition with a deadline, for several starts at once, or until a signal aborts.
import { setTimeout as sleep } from 'node:timers/promises';

/** How to retry until a condition holds. */
interface WaitOptions {
  /** What to wait for, in the error: "Redis to answer". */
  what: string;
  deadlineMs: number;
  everyMs?: number;
  /** Checked between tries. A sentence ends the wait at once. */
  hopeless?: () => string | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Tries until `attempt` returns something other than `undefined` or `false`. An error counts as "not yet".
 * @throws after `deadlineMs`, with the last failure as cause
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

/**
 * Stops waiting for uninterruptible work when the signal aborts. The work goes on and its result is ignored.
 * @throws the signal's reason, as soon as it aborts
 */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => {});
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Awaits several starts and returns each result. It waits for all even when one fails, so that every started part is
 * known and can be stopped.
 */
export async function allOrFirstFailure<T>(work: (Promise<T> | T)[]): Promise<T[]> {
  const ends = await Promise.allSettled(work);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
}
