// Decides when an unanswered health check means loss: soon for a stopped process, later for one that waits for the CPU.
import { readFileSync } from 'node:fs';
import type { Part } from '../local/part.ts';

const stoppedMs = 2_000;
/** All parts of a region share one machine, whose other work may keep them from running for a while. */
const starvedMs = 15_000;
const tickMs = 100;

export interface Silence {
  answered(): void;
  /**
   * @returns whether it has been silent for so long that it counts as lost; never after the first unanswered
   * question.
   */
  unanswered(part: Part | undefined): boolean;
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
