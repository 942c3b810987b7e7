// A crowd is started a few at a time, in order, and nobody waits for another's answer; who would be too many is told so
// at once.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createAdmissionQueue } from '../../origin/concurrency/admission-queue.ts';

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

test('so many are started at once, and as many in each turn after it, in the order of asking', async () => {
  const { started } = aCrowd(10, { atOnce: 4, mostWaiting: 100 });
  expect(started).toEqual(upTo(4));
  await nextTurn();
  expect(started).toEqual(upTo(8));
  await nextTurn();
  expect(started).toEqual(upTo(10));
});

test('whoever comes while others wait, waits behind them', async () => {
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

test('beyond the bound one is started ahead of who waits, and told how many they are', async () => {
  const { started, told } = aCrowd(9, { atOnce: 4, mostWaiting: 3 });
  expect(started).toEqual([0, 1, 2, 3, 7, 8]);
  expect(told).toEqual([0, 0, 0, 0, 3, 3]);
  await nextTurn();
  expect(started.slice(6)).toEqual([4, 5, 6]);
  expect(told.slice(6)).toEqual([0, 0, 0]);
});
