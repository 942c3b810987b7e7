// Decides when a store's primary is lost, who succeeds it, where its fixed address leads, and how the rest is repaired.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningPart, StoreServer } from '../local/part.ts';

/** One server of a store, whatever its role. */
export interface StoreMember {
  name: string;
  /** The running process, or the last one. */
  server: StoreServer | undefined;
}

export function hasEnded({ server }: StoreMember): boolean {
  return server === undefined || server.hasExited();
}

interface Watched<Seen> {
  /** The store's name in reports. */
  store: string;
  onEvent: (sentence: string) => void;
  /** Aborted when the primary is no longer watched. */
  ended: AbortSignal;
  primary(): StoreMember;
  /** A health check of the primary; undefined if it does not answer. */
  lookAtPrimary(): Promise<Seen | undefined>;
  failOver(why: string): Promise<void>;
  /** Repairs lost followers while the primary runs. `seen` is undefined if it missed one check. */
  lookAfterFollowers(seen: Seen | undefined): Promise<void>;
  /** Runs each check alone, so that it does not meet other work on the store. */
  inTurn?(work: () => Promise<void>): Promise<void>;
}

const lookEveryMs = 250;

/** Checks a primary four times a second, and fails over once it is lost. Resolves when `ended` is aborted. */
export async function watchPrimary<Seen>(watched: Watched<Seen>): Promise<void> {
  const { ended } = watched;
  const silence = listenForSilence(ended);
  const lookOnce = async () => {
    const primary = watched.primary();
    const seen = hasEnded(primary)
      ? undefined
      : await Promise.race([watched.lookAtPrimary(), primary.server?.exited.then(() => undefined)]);
    if (ended.aborted) return;
    if (seen !== undefined) silence.answered();
    try {
      const silent = seen === undefined && silence.unanswered(primary.server);
      if (hasEnded(primary) || silent) {
        await watched.failOver(hasEnded(primary) ? 'is gone' : 'is silent');
        silence.answered();
      } else await watched.lookAfterFollowers(seen);
    } catch (error) {
      if (ended.aborted) return;
      watched.onEvent(`${watched.store}: ${error instanceof Error ? error.message : error}`);
      await sleep(1_000);
    }
  };
  while (!ended.aborted) {
    await (watched.inTurn === undefined ? lookOnce() : watched.inTurn(lookOnce));
    if (ended.aborted) return;
    const pause = sleep(lookEveryMs, undefined, { signal: ended }).catch(() => {});
    const next = watched.primary();
    await Promise.race([pause, hasEnded(next) ? pause : next.server?.exited]);
  }
}

/** Resolves once `condition` holds. @throws the signal's reason if it is aborted before */
export async function untilTrue(condition: () => boolean, signal: AbortSignal): Promise<void> {
  while (!condition()) {
    signal.throwIfAborted();
    await sleep(50);
  }
}

interface Ending {
  stopping: AbortController;
  watching: Promise<void>;
  repairs: Pick<Repairs<string>, 'abandon'>;
  fenceAll(): Promise<unknown>;
}

/**
 * Ends a store by killing it. A region's data ends with it, so an orderly shutdown has no use. Checks then do not wait
 * for dead servers.
 */
export async function endStore({ stopping, watching, repairs, fenceAll }: Ending): Promise<void> {
  stopping.abort(new Error('stopping'));
  await fenceAll();
  await Promise.all([watching, repairs.abandon()]);
  // A failover that was in progress may have begun another repair.
  await repairs.abandon();
  await fenceAll();
}

const stoppedMs = 2_000;
/** All parts of a region share one machine, and its other work may keep them from running for a while. */
const starvedMs = 15_000;
const tickMs = 100;

/**
 * Decides when an unanswered health check means loss: soon for a stopped process, later for one that waits for the CPU.
 */
interface Silence {
  answered(): void;
  /** @returns whether it has been silent so long that it counts as lost; never after the first unanswered check */
  unanswered(part: RunningPart | undefined): boolean;
}

/** @param ended aborted when the checks end */
function listenForSilence(ended: AbortSignal): Silence {
  let heardAt = performance.now();
  let questions = 0;
  let tickedAt = heardAt;
  // While this process itself does not get the CPU, the other's silence does not count: its answer may be there unread.
  const ticker = setInterval(() => {
    const now = performance.now();
    const lateMs = now - tickedAt - tickMs;
    if (lateMs > tickMs) heardAt += lateMs;
    tickedAt = now;
  }, tickMs).unref();
  ended.addEventListener('abort', () => clearInterval(ticker), { once: true });
  return {
    answered() {
      heardAt = performance.now();
      questions = 0;
    },
    unanswered(part) {
      questions++;
      const patienceMs = part !== undefined && isAtWork(part.pid) ? starvedMs : stoppedMs;
      return questions >= 2 && performance.now() - heardAt > patienceMs;
    },
  };
}

/** Whether the main process runs or waits for something. False if it was stopped, or if the system does not tell. */
function isAtWork(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[RSD]$/.test(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '');
  } catch {
    return false;
  }
}

/** Decides the successor of a lost primary. It only promotes a server that certainly has every acknowledged write. */
export interface LossOfPrimary {
  /** Does the successor answer right now? */
  successorAnswers: boolean;
  /** Had it confirmed every acknowledged write when the primary fell silent? */
  successorInSync: boolean;
}

/** `restart`: the old primary is started again on its own data. This is slower, but nothing is lost. */
export function decideFailover({ successorAnswers, successorInSync }: LossOfPrimary): 'promote' | 'restart' {
  return successorAnswers && successorInSync ? 'promote' : 'restart';
}

/**
 * Repairs in the background, one at a time of each kind. A failed repair is reported, and the next health check retries
 * it.
 */
export interface Repairs<Kind extends string> {
  begin(kind: Kind, work: (signal: AbortSignal) => Promise<void>): void;
  isUnderWay(kind: Kind): boolean;
  /** Ends all repairs. Nothing of them goes on when this resolves. */
  abandon(): Promise<void>;
}

export function startRepairs<Kind extends string>(onEvent: (sentence: string) => void): Repairs<Kind> {
  const underWay = new Map<Kind, Promise<void>>();
  let controller = new AbortController();
  return {
    begin: (kind, work) => {
      if (underWay.has(kind)) return;
      const { signal } = controller;
      const repair = work(signal)
        .catch((error) => {
          if (!signal.aborted)
            onEvent(`The repair of the ${kind} failed: ${error instanceof Error ? error.message : error}`);
        })
        .finally(() => underWay.delete(kind));
      underWay.set(kind, repair);
    },
    isUnderWay: (kind) => underWay.has(kind),
    abandon: async () => {
      controller.abort(new Error('abandoned'));
      await Promise.all(underWay.values());
      controller = new AbortController();
    },
  };
}

/** The fixed address of a store's present primary, like the DNS name of a managed store. */
export interface WriterEndpoint {
  /** The address for clients; it never changes. */
  url: string;
  /**
   * Sends new sessions to the named member, or to nobody if it is undefined. Cuts all existing sessions, also those of
   * the same member. They are cut when this resolves.
   */
  pointTo(member: string | undefined): Promise<void>;
}
