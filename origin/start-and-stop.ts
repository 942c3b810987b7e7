// Runs start-up work as soon as the stores allow it, finds secrets that can be guessed, and waits for a stop signal.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Settings } from './config.ts';
import { isStoreFault, storeFaultReason } from './watch-stores.ts';

/** Runs start-up work as soon as the stores allow it, without making the start wait long. */
interface StartUpWork {
  /**
   * Resolves when it has worked, at the latest after two seconds: stores that are started together with this process
   * need a moment.
   */
  soon: Promise<void>;
  cancel(): void;
}

const soonMs = 2_000;
const firstPauseMs = 100;
const longestPauseMs = 5_000;

export function startWhenPossible(log: Logger, what: string, work: () => Promise<void>): StartUpWork {
  const abort = new AbortController();
  const beganMs = performance.now();
  const isSoon = () => performance.now() - beganMs < soonMs;
  let loggedReason: string | undefined;
  const attempt = async (): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      const reason = isStoreFault(error) ? undefined : storeFaultReason(error);
      // The work is tried repeatedly: the same reason is logged once.
      if (!isSoon() && reason !== undefined && reason !== loggedReason)
        log.warn(`cannot ${what} yet: ${reason}`);
      if (!isSoon()) loggedReason = reason;
      return false;
    }
  };
  const tryUntilItWorks = async (): Promise<void> => {
    let pauseMs = firstPauseMs;
    while (!abort.signal.aborted && !(await attempt())) {
      await delay(pauseMs, undefined, { signal: abort.signal, ref: false }).catch(() => undefined);
      if (!isSoon()) pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  };
  const soon = Promise.race([tryUntilItWorks(), delay(soonMs, undefined, { ref: false })]);
  return { soon, cancel: () => abort.abort() };
}

/**
 * Waits for a stop signal. Ctrl-C arrives twice, to the group and through npm; a second one within two
 * seconds counts as the same.
 */
export function onStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const stop = () => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt > 2_000) process.exit(1);
      firstAt ??= now;
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

// Finds secrets that are short enough to be guessed. The shop starts with them and warns once for each, without showing
// it.

type Secrets = Pick<Settings, 'cookieKeys' | 'edgePurgeKey' | 'staff' | 'operatorPassword'>;

/** Longer for keys than for passwords: whoever holds one signature can try keys as fast as a machine counts. */
const goodKeyLength = 32;
const goodPurgeKeyLength = 16;
const goodPasswordLength = 10;

/** @returns a sentence a weak secret. */
export function findWeakSecrets({ cookieKeys, edgePurgeKey, staff, operatorPassword }: Secrets): string[] {
  const secrets: [name: string, secret: string | undefined, goodLength: number][] = [
    ...cookieKeys.map((key, index): [string, string, number] => [
      cookieKeys.length === 1 ? 'COOKIE_KEYS' : `COOKIE_KEYS (number ${index + 1})`,
      key,
      goodKeyLength,
    ]),
    ['EDGE_PURGE_KEY', edgePurgeKey, goodPurgeKeyLength],
    ['STAFF_PASSWORD', staff?.password, goodPasswordLength],
    ['OPERATOR_PASSWORD', operatorPassword, goodPasswordLength],
  ];
  return secrets
    .filter(([, secret, goodLength]) => secret !== undefined && secret.length < goodLength)
    .map(([name, , goodLength]) => `${name} is weak: it has fewer than ${goodLength} characters`);
}
