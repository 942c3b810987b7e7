// Writers raise prices and stocks, one change at a time for each number; slow changes are awaited in parallel.
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import type { CatalogChange, StaffClient } from '../staff.ts';
import type { Oracle, Slot } from './oracle.ts';
import type { Subject } from './subjects.ts';

export interface WriterOptions {
  staff: StaffClient;
  oracle: Oracle;
  subjects: Subject[];
  random: SeededRandom;
  writers: number;
  /** Rest of a writer between two changes, at most. */
  restMs: number;
  now: () => number;
  /** Whether the region is whole and nothing is done to it. */
  isQuiet: () => boolean;
  signal: AbortSignal;
}

export interface Written {
  acknowledged: number;
  /** Changes that were acknowledged and not done a minute later. */
  neverDone: number;
  /** Milliseconds from commit to done, as the shop tells. */
  doneMs: number[];
  /** Those of changes that began and were done while nothing was done to the region. */
  quietDoneMs: number[];
}

const doneWithinMs = 90_000;

export async function writeUntil(options: WriterOptions): Promise<Written> {
  const written: Written = { acknowledged: 0, neverDone: 0, doneMs: [], quietDoneMs: [] };
  const waiting = new Set<Promise<void>>();
  const write = async (random: SeededRandom) => {
    while (!options.signal.aborted) {
      const idle = options.oracle.idle();
      if (idle.length > 0) await changeOne(options, written, waiting, random.pick(idle));
      await delay(random.integer(0, options.restMs));
    }
  };
  const writers = Array.from({ length: options.writers }, (_, number) =>
    write(options.random.fork(`writer ${number}`)),
  );
  await Promise.all(writers);
  await Promise.all(waiting);
  return written;
}

async function changeOne(
  { staff, oracle, subjects, now, isQuiet }: WriterOptions,
  written: Written,
  waiting: Set<Promise<void>>,
  slot: Slot,
): Promise<void> {
  const value = oracle.begin(slot);
  const beganQuiet = isQuiet();
  const invalidation = await staff.change(toChange(subjects[slot >> 1]!, slot, value));
  // Not acknowledged: it may still come, so the number stays on its way and nothing is expected of it.
  if (invalidation === undefined) return;
  written.acknowledged += 1;
  const follow = staff.awaitDone(invalidation, doneWithinMs).then((done) => {
    if (done === undefined) {
      written.neverDone += 1;
      return;
    }
    oracle.finish(slot, value, now());
    const tookMs = Date.parse(done.doneAt!) - Date.parse(done.committedAt);
    written.doneMs.push(tookMs);
    if (beganQuiet && isQuiet()) written.quietDoneMs.push(tookMs);
  });
  waiting.add(follow);
  void follow.finally(() => waiting.delete(follow));
  if (invalidation.state === 'done') await follow;
}

function toChange({ id, variantId }: Subject, slot: Slot, value: number): CatalogChange {
  return slot % 2 === 0
    ? {
        method: 'PATCH',
        path: `/api/staff/products/${id}`,
        body: { price: { amount: value, currency: 'EUR' } },
      }
    : { method: 'PUT', path: `/api/staff/variants/${variantId}/stock`, body: { stock: value } };
}
