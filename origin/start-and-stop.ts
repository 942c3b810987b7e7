// Runs start-up work once the stores answer, finds weak secrets, and waits for a stop signal.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Settings } from './config.ts';
import { isStoreFault, storeFaultReason } from './watch-stores.ts';

/** Start-up work that begins once the stores answer, without delaying the start for long. */
interface StartUpWork {
  /**
   * Resolves when the work is done, at the latest after two seconds, because stores may start together with this
   * process.
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
      // The work is repeated, and the same reason is logged only once.
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
 * Waits for a stop signal. Ctrl-C arrives twice, once from the group and once through npm. A second signal within two
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

// Finds secrets that are short enough to be guessed. The shop starts with them and logs one warning each, without the
// secret.

type Secrets = Pick<Settings, 'cookieKeys' | 'edgePurgeKey' | 'staff' | 'operatorPassword'>;

/** Keys must be longer than passwords, because anybody with one signature can try keys offline. */
const goodKeyLength = 32;
const goodPurgeKeyLength = 16;
const goodPasswordLength = 10;

/** @returns one sentence for each weak secret */
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
