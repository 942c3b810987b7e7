import { expect, test } from 'vitest';
import { gather } from '../../origin/concurrency/gather.ts';

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
