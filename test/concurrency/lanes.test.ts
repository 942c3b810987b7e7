// Lanes share one bound: a flood in one lane makes nobody in another wait for more than one turn of each.
import { expect, test } from 'vitest';
import { createLanes } from '../../origin/concurrency/semaphore.ts';

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
  // Every place is free again.
  await Promise.all([work('sign-in'), work('sign-in'), work('reset')]);
  expect(done).toHaveLength(57);
});

test('Work that fails gives its place on, and who waits too long is refused', async () => {
  const lanes = createLanes(['one', 'other'], { atOnce: 1, waiting: 5, waitMs: 1 });
  await expect(lanes.run('one', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  let finish = () => {};
  const long = lanes.run('one', () => new Promise<void>((resolve) => (finish = resolve)));
  await expect(lanes.run('other', async () => 'never')).rejects.toThrow('too long');
  finish();
  await long;
  expect(await lanes.run('other', async () => 'now')).toBe('now');
});
