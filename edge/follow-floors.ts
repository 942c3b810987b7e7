// Asks the origin for floors, for an edge that nobody can reach: behind a load balancer, or one isolate of many.
// The lease starts when the question is sent, so that no delay of the answer can extend it.
import {
  type FloorsAnswer,
  type FloorsQuestion,
  floorsPath,
  parseCursor,
  readAnswer,
  signatureHeader,
  signFloors,
  verifyFloors,
} from '../http/asked-floors.ts';
import { hasTags } from '../http/cache-tag.ts';
import type { Fence, FenceClock } from './fence.ts';
import { createByteBudget, readBounded } from './upstream/read-bounded.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface FloorFollower {
  /**
   * Asks once. Never throws.
   * @returns `raised`: floors were raised, and the next question confirms it; `failed`: the lease was not renewed
   */
  ask(waitMs: number): Promise<'raised' | 'same' | 'failed'>;
  /** Whether it is time to ask, where nothing asks regularly. */
  isDue(): boolean;
}

interface FloorFollowerOptions {
  upstream: Upstream;
  fence: Fence;
  clock: FenceClock;
  key: string;
  leaseMs: number;
  /** For operators, such as `zone/instance`. */
  name: string;
  onFault?: (reason: string) => void;
}

/** More than the most floors of one answer take. */
const maxAnswerBytes = 16_000_000;

export function createFloorFollower(options: FloorFollowerOptions): FloorFollower {
  const { fence, clock, leaseMs, name, onFault = () => undefined } = options;
  const edge = crypto.randomUUID();
  let asks = 0;
  let asking = 0;
  /** The newest question whose answer was used. */
  let used = 0;
  let cursor: string | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;

  /** @returns whether this edge now knows the floors between the old cursor and the new one */
  const use = (answer: FloorsAnswer, ask: number): boolean => {
    // Answers may overtake one another. A newer answer contains everything that an older one says.
    if (answer.edge !== edge || answer.ask !== ask || ask <= used) return false;
    const isOtherLineage = parseCursor(answer.cursor)!.lineage !== parseCursor(cursor)?.lineage;
    if (isOtherLineage && !answer.forget) return false;
    used = ask;
    // Answers that are being fetched are forgotten as well. They may be below floors that this edge never receives.
    if (answer.forget) fence.forget();
    fence.raise(answer.tags);
    cursor = answer.cursor;
    return true;
  };

  const askOnce = async (waitMs: number) => {
    const ask = ++asks;
    // Read before anything is sent, and before the wall clock: a pause in between makes the lease end earlier.
    askedAtMs = clock.monotonicMs();
    const sentAtMs = askedAtMs;
    const answer = await exchange(options, { edge, name, ask, leaseMs, cursor, waitMs });
    if (typeof answer === 'string') {
      onFault(answer);
      return 'failed';
    }
    if (!use(answer, ask)) return 'failed';
    if (!answer.more && !fence.renew(clock.wallMs(), sentAtMs)) return 'failed';
    return answer.more || hasTags(answer.tags) ? 'raised' : 'same';
  };

  return {
    async ask(waitMs) {
      asking++;
      try {
        return await askOnce(waitMs);
      } catch (error) {
        onFault(error instanceof Error ? error.message : String(error));
        return 'failed';
      } finally {
        asking--;
      }
    },
    isDue() {
      // A question without an answer must not prevent later questions.
      const sinceMs = clock.monotonicMs() - askedAtMs;
      return sinceMs > leaseMs / 3 && (asking === 0 || sinceMs > leaseMs);
    },
  };
}

/** @returns the answer, or why there is none. */
async function exchange(
  { upstream, key, clock, leaseMs }: FloorFollowerOptions,
  question: FloorsQuestion,
): Promise<FloorsAnswer | string> {
  const body = JSON.stringify(question);
  const response = await upstream({
    method: 'POST',
    path: floorsPath,
    headers: new Headers({
      'content-type': 'application/json',
      'content-length': String(new TextEncoder().encode(body).length),
      [signatureHeader]: await signFloors(key, 'question', body, clock.wallMs()),
    }),
    body: new Blob([body]).stream(),
    // An answer after the lease would renew nothing.
    patienceMs: leaseMs,
  });
  const read = await readBounded(response.body, maxAnswerBytes, createByteBudget(maxAnswerBytes));
  if ('rest' in read) {
    await read.rest.cancel();
    return 'The answer to the question for floors is too long';
  }
  if (response.status !== 200) return `The question for floors was answered ${response.status}`;
  const text = new TextDecoder().decode(read.bytes);
  const t = await verifyFloors(key, 'answer', text, response.headers.get(signatureHeader));
  if (t === undefined) return 'The answer to the question for floors is not signed with EDGE_PURGE_KEY';
  return readAnswer(text) ?? 'The answer to the question for floors cannot be read';
}

/** Asks as long as the process lives: each question waits at the origin until there is something to tell. */
export function followFloors(follower: FloorFollower, leaseMs: number): { stop(): void } {
  const waitMs = Math.floor(Math.min(leaseMs / 3, 1_000));
  let stopped = false;
  let wake: () => void = () => undefined;
  const run = async () => {
    while (!stopped) {
      const beganMs = performance.now();
      const outcome = await follower.ask(waitMs);
      // Pauses before it asks an origin again that did not wait or that refused.
      const leastMs = outcome === 'raised' ? 0 : outcome === 'same' ? waitMs : Math.min(waitMs, 250);
      const leftMs = leastMs - (performance.now() - beganMs);
      if (leftMs > 0 && !stopped)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
    }
  };
  void run();
  return {
    stop() {
      stopped = true;
      wake();
    },
  };
}
