// Semaphore, lanes, gathered calls and admission queue: each bound holds, and no caller waits longer than it says.

import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gather } from '../../origin/concurrency/gather.ts';
import {
  createAdmissionQueue,
  createLanes,
  createSemaphore,
  SemaphoreFullError,
} from '../../origin/concurrency/semaphore.ts';

describe('a semaphore', () => {
  test('runs so many at once, keeps so many waiting, and refuses the rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.nat(8),
        fc.nat(30),
        async (atOnce, waiting, comers) => {
          const semaphore = createSemaphore({ atOnce, waiting, waitMs: 10_000 });
          let inside = 0;
          let most = 0;
          const work = async () => {
            most = Math.max(most, ++inside);
            await new Promise((resolve) => setImmediate(resolve));
            inside--;
          };
          const outcomes = await Promise.allSettled(
            Array.from({ length: comers }, () => semaphore.run(work)),
          );
          const refused = outcomes.filter(({ status }) => status === 'rejected');
          expect(most).toBe(Math.min(atOnce, comers));
          expect(refused).toHaveLength(Math.max(0, comers - atOnce - waiting));
          expect(inside).toBe(0);
          await semaphore.run(work);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('refuses work that has waited too long, and goes on', async () => {
    const semaphore = createSemaphore({ atOnce: 1, waiting: 5, waitMs: 5 });
    const gate = Promise.withResolvers<void>();
    const first = semaphore.run(() => gate.promise);
    await expect(semaphore.run(async () => 'late')).rejects.toThrow(SemaphoreFullError);
    gate.resolve();
    await first;
    expect(await semaphore.run(async () => 'in time')).toBe('in time');
  });

  test('frees the place of work that fails', async () => {
    const semaphore = createSemaphore({ atOnce: 1, waiting: 0, waitMs: 5 });
    await expect(semaphore.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await semaphore.run(async () => 1)).toBe(1);
  });
});

// Lanes share one bound. A flood in one lane makes another wait for no more than one turn of each.

const bounds = { atOnce: 2, waiting: 50, waitMs: 60_000 };

test('A flood in one lane does not stop the others, and no more run at once than the bound says', async () => {
  const lanes = createLanes(['sign-in', 'reset', 'change'], bounds);
  const done: string[] = [];
  let [inside, most] = [0, 0];
  const work = (lane: 'sign-in' | 'reset' | 'change') =>
    lanes.run(lane, async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
      done.push(lane);
    });
  const flood = Array.from({ length: 60 }, () => work('sign-in').catch(() => 'refused'));
  await Promise.all([work('reset'), work('change')]);
  expect(done.length).toBeLessThanOrEqual(8);
  expect((await Promise.all(flood)).filter((outcome) => outcome === 'refused')).toHaveLength(8);
  expect(most).toBe(2);
  // All places are free again.
  await Promise.all([work('sign-in'), work('sign-in'), work('reset')]);
  expect(done).toHaveLength(57);
});

test('Work that fails gives its place to the next, and work that waits too long is refused', async () => {
  const lanes = createLanes(['one', 'other'], { atOnce: 1, waiting: 5, waitMs: 1 });
  await expect(lanes.run('one', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  let finish = () => {};
  const long = lanes.run('one', () => new Promise<void>((resolve) => (finish = resolve)));
  await expect(lanes.run('other', async () => 'never')).rejects.toThrow('too long');
  finish();
  await long;
  expect(await lanes.run('other', async () => 'now')).toBe('now');
});

function openBatches() {
  const batches: number[][] = [];
  const release: (() => void)[] = [];
  const run = async (items: number[]) => {
    batches.push(items);
    await new Promise<void>((resolve) => release.push(resolve));
    if (items.includes(13)) throw new Error('Cannot take 13');
    return items.map((item) => item * 2);
  };
  return { batches, release, ask: gather(run, 3) };
}

test('Calls that come while a batch runs share the next ones, in their order and within the bound', async () => {
  const { batches, release, ask } = openBatches();
  const answers = Promise.all([1, 2, 3, 4, 5].map(ask));
  for (let batch = 0; batch < 3; batch++) {
    await expect.poll(() => release.length).toBe(batch + 1);
    release[batch]!();
  }
  expect(await answers).toEqual([2, 4, 6, 8, 10]);
  expect(batches).toEqual([[1], [2, 3, 4], [5]]);
  const again = ask(6);
  release[3]!();
  expect(await again).toBe(12);
});

test('A batch that fails, fails its own calls alone', async () => {
  const { release, ask } = openBatches();
  const answers = Promise.all(
    [1, 13, 2, 3, 4].map((item) => ask(item).catch((error: Error) => error.message)),
  );
  for (let batch = 0; batch < 3; batch++) {
    await expect.poll(() => release.length).toBe(batch + 1);
    release[batch]!();
  }
  expect(await answers).toEqual([2, 'Cannot take 13', 'Cannot take 13', 'Cannot take 13', 8]);
});

// A crowd is started a few at a time, in order, and none waits for another's answer. Requests beyond the bound are
// refused at once.

function aCrowd(requests: number, options: { atOnce: number; mostWaiting: number }) {
  const turns = createAdmissionQueue(options);
  const started: number[] = [];
  const told: number[] = [];
  for (let request = 0; request < requests; request++) {
    turns.take((waiting) => {
      started.push(request);
      told.push(waiting);
    });
  }
  return { turns, started, told };
}

const upTo = (end: number) => Array.from({ length: end }, (_, index) => index);

test('so many are started at once, and as many in each later turn, in the order of arrival', async () => {
  const { started } = aCrowd(10, { atOnce: 4, mostWaiting: 100 });
  expect(started).toEqual(upTo(4));
  await nextTurn();
  expect(started).toEqual(upTo(8));
  await nextTurn();
  expect(started).toEqual(upTo(10));
});

test('a request that comes while others wait is started after them', async () => {
  const { turns, started } = aCrowd(5, { atOnce: 4, mostWaiting: 100 });
  turns.take(() => started.push(99));
  await nextTurn();
  expect(started).toEqual([...upTo(5), 99]);
});

test('once the crowd is gone, a request is started at once again', async () => {
  const { turns, started } = aCrowd(5, { atOnce: 4, mostWaiting: 100 });
  await nextTurn();
  await nextTurn();
  turns.take(() => started.push(99));
  expect(started).toEqual([...upTo(5), 99]);
});

test('beyond the bound a request is started ahead of the waiting ones, and told how many they are', async () => {
  const { started, told } = aCrowd(9, { atOnce: 4, mostWaiting: 3 });
  expect(started).toEqual([0, 1, 2, 3, 7, 8]);
  expect(told).toEqual([0, 0, 0, 0, 3, 3]);
  await nextTurn();
  expect(started.slice(6)).toEqual([4, 5, 6]);
  expect(told.slice(6)).toEqual([0, 0, 0]);
});
