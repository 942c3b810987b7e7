// When a store's primary counts as lost, who follows it, where its fixed address leads, and how the rest is repaired.
import { readFileSync } from 'node:fs';
import type { RunningPart } from '../local/part.ts';

const stoppedMs = 2_000;
/** All parts of a region share one machine, whose other work may keep them from running for a while. */
const starvedMs = 15_000;
const tickMs = 100;

/**
 * Decides when an unanswered health check means loss: soon for a stopped process, later for one that waits
 * for the CPU.
 */
interface Silence {
  answered(): void;
  /**
   * @returns whether it has been silent for so long that it counts as lost; never after the first unanswered
   * question.
   */
  unanswered(part: RunningPart | undefined): boolean;
}

/** @param ended when nobody listens any more. */
export function listenForSilence(ended: AbortSignal): Silence {
  let heardAt = performance.now();
  let questions = 0;
  let tickedAt = heardAt;
  // While we ourselves are kept from running, the silence is ours: an answer may lie there unread.
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

/**
 * Whether its main process runs or waits for something; false where it was stopped, and where the system does not
 * say.
 */
function isAtWork(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[RSD]$/.test(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '');
  } catch {
    return false;
  }
}

/**
 * Decides the successor of a lost primary. Promotes only a server that certainly has every acknowledged
 * write.
 */
export interface LossOfPrimary {
  /** Does the successor answer right now? */
  successorAnswers: boolean;
  /** Did it confirm every acknowledged write up to the moment when the primary fell silent? */
  successorInSync: boolean;
}

/** `restart`: the old primary is started again on its own data; slower, but nothing is lost. */
export function decideFailover({ successorAnswers, successorInSync }: LossOfPrimary): 'promote' | 'restart' {
  return successorAnswers && successorInSync ? 'promote' : 'restart';
}

/**
 * Repairs in the background, one at a time of each kind. A failed repair is reported and retried by the next
 * health check.
 */
interface Repairs<Kind extends string> {
  begin(kind: Kind, work: (signal: AbortSignal) => Promise<void>): void;
  isUnderWay(kind: Kind): boolean;
  /** Ends what is under way; nothing of it goes on when this returns. */
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

/** The fixed address that leads to a store's present primary, like the DNS name of a managed store. */
export interface WriterEndpoint {
  /** The address for clients; it never changes. */
  url: string;
  /**
   * Leads new sessions to the named member and cuts all others, old ones to the same member included; undefined: to
   * nobody.
   * Sessions are cut when it resolves.
   */
  pointTo(member: string | undefined): Promise<void>;
}
