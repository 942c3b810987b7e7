// When silence means loss: a process that stands still is lost soon; one that only waits for the processor is given longer.
import { readFileSync } from 'node:fs';
import type { Part } from '../local/part.ts';

const stoppedMs = 2_000;
/** All parts of a region share one machine, whose other work may keep them from running for a while. */
const starvedMs = 8_000;

export interface Silence {
  answered(): void;
  /** @returns whether it has been silent for so long that it counts as lost. Two questions at least: if we ourselves were kept from
   * running, the silence was ours. */
  unanswered(part: Part | undefined): boolean;
}

export function listenForSilence(): Silence {
  let heardAt = performance.now();
  let questions = 0;
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

/** Whether its main process runs or waits for something; false where it was stopped, and where the system does not say. */
function isAtWork(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^[RSD]$/.test(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '');
  } catch {
    return false;
  }
}
