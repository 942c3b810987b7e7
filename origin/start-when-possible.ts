// Work that a starting process does as soon as the stores allow it, without waiting for them.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

export interface StartUpWork {
  /** Resolves after the first try, whether it worked or not. */
  firstTry: Promise<void>;
  cancel(): void;
}

export function startWhenPossible(log: Logger, what: string, work: () => Promise<void>): StartUpWork {
  const abort = new AbortController();
  const attempt = async (): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      log.warn({ err: error }, `cannot ${what} yet`);
      return false;
    }
  };
  const first = attempt();
  const goOn = async () => {
    let pauseMs = 250;
    let finished = await first;
    while (!finished && !abort.signal.aborted) {
      await delay(pauseMs, undefined, { signal: abort.signal, ref: false }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, 5_000);
      if (!abort.signal.aborted) finished = await attempt();
    }
  };
  void goOn();
  return { firstTry: first.then(() => undefined), cancel: () => abort.abort() };
}
