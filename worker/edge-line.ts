// The line to one edge: every word that can renew its trust carries all that the edge has not confirmed.
import type { TagVersions } from '../origin/outbox/events.ts';
import { Outage } from './outage.ts';

export interface EdgeLineOptions {
  url: string;
  leaseMs: number;
  /** Sends one signed purge, dated `t`; rejects unless the edge answered 200. */
  send: (url: string, tags: TagVersions, t: number) => Promise<void>;
  /** What a former holder of the line left unconfirmed. */
  debts: TagVersions;
  /** Keeps what stays unconfirmed when the edge is given up as silent. Rejects where this is no longer ours to say. */
  keepDebts: (tags: TagVersions) => Promise<void>;
  clearDebts: (tags: TagVersions) => Promise<void>;
  now?: () => number;
}

export interface EdgeLine {
  /** Resolves when the edge has confirmed, or can no longer trust anything from before. @throws Outage where the line was closed first. */
  purge(tags: TagVersions, signal: AbortSignal): Promise<void>;
  close(): void;
}

const renewMs = 1_000;
const retryMs = 100;
/** Of one word: characters of its tags, and for each its version and what JSON adds. */
const mostLength = 1_000_000;
const lengthOfVersion = 16;
/** An edge takes words of the last minute, but is renewed only by those of the last second. */
const pastRenewalMs = 10_000;
/** An edge whose clock is off by more than a second gets no renewal (it refuses); two cover both directions. */
const clockMs = 2_000;

export function openEdgeLine(options: EdgeLineOptions): EdgeLine {
  const now = options.now ?? Date.now;
  const unconfirmed = new Map(Object.entries(options.debts));
  /** Told of each word that the edge has confirmed, and when the line is closed. */
  const waiters = new Set<(heard: TagVersions) => void>();
  let owesDebts = unconfirmed.size > 0;
  let lastSentAt = now();
  let closed = false;
  let wake: () => void = () => undefined;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const speak = async (): Promise<boolean> => {
    const tags = takePart(unconfirmed);
    const isWhole = Object.keys(tags).length === unconfirmed.size;
    if (isWhole) lastSentAt = now();
    try {
      // A word that does not carry everything must not renew the edge's trust, so it is dated before what could.
      await options.send(options.url, tags, isWhole ? lastSentAt : now() - pastRenewalMs);
    } catch {
      return false;
    }
    for (const [tag, version] of Object.entries(tags)) {
      if ((unconfirmed.get(tag) ?? 0) <= version) unconfirmed.delete(tag);
    }
    if (owesDebts)
      await options.clearDebts(tags).then(
        () => (owesDebts = !isWhole),
        () => undefined,
      );
    for (const hear of waiters) hear(tags);
    return true;
  };

  const run = async () => {
    while (!closed) {
      const heard = await speak();
      if (closed) return;
      if (!heard) await pause(retryMs);
      else if (unconfirmed.size === 0) await pause(renewMs);
    }
  };
  void run();

  return {
    async purge(tags, signal) {
      // Only words sent before this moment lack these tags: their trust ends a lease after the last of them.
      const silentAt = lastSentAt + options.leaseMs + clockMs;
      for (const [tag, version] of Object.entries(tags)) {
        unconfirmed.set(tag, Math.max(version, unconfirmed.get(tag) ?? 0));
      }
      wake();
      // Only a word that bore them counts: a word that was on its way before, or a newer version that waits, says nothing of these.
      const unheard = new Map(Object.entries(tags));
      const confirmed = await new Promise<boolean>((resolve, reject) => {
        const settle = (end: () => void) => {
          clearTimeout(timer);
          waiters.delete(hear);
          signal.removeEventListener('abort', abort);
          end();
        };
        const hear = (heard: TagVersions) => {
          if (closed) return settle(() => reject(closedTooSoon()));
          for (const [tag, version] of unheard) if ((heard[tag] ?? -1) >= version) unheard.delete(tag);
          if (unheard.size === 0) settle(() => resolve(true));
        };
        const abort = () => settle(() => reject(signal.reason));
        const timer = setTimeout(() => settle(() => resolve(false)), Math.max(0, silentAt - now()));
        waiters.add(hear);
        signal.addEventListener('abort', abort);
      });
      if (confirmed) return;
      owesDebts = true;
      await options.keepDebts(tags);
      // Another line to this edge may have read its debts by now, without these.
      if (closed) throw closedTooSoon();
    },
    close() {
      closed = true;
      wake();
      for (const hear of waiters) hear({});
    },
  };
}

/** An edge reads 4 MB at a time; after a long silence there may be more to say. */
function takePart(unconfirmed: Map<string, number>): TagVersions {
  const part: TagVersions = {};
  let length = 0;
  for (const [tag, version] of unconfirmed) {
    length += tag.length + lengthOfVersion;
    if (length > mostLength) break;
    part[tag] = version;
  }
  return part;
}

function closedTooSoon(): Outage {
  return new Outage('Cannot tell whether an edge is silent as the line to it was closed');
}
