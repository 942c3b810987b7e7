import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plantedBugs, witnesses } from './planted-bugs.ts';
import { plays } from './steps.ts';
import { startTwoRedis, type TwoRedis } from './two-redis.ts';
import { play } from './world.ts';

describe('what was done before a request began is never seen undone by it', () => {
  let redis: TwoRedis;

  beforeAll(async () => {
    redis = await startTwoRedis();
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  test('however changes, reads, pauses, lost words and lost stores follow one another', async () => {
    await fc.assert(
      fc.asyncProperty(plays, async (steps) => {
        expect(await play(steps, redis)).toEqual([]);
      }),
      { numRuns: 120, examples: Object.values(witnesses).map((steps) => [steps]) },
    );
  });

  test.each(plantedBugs)('the checker finds it where %s', async (bug) => {
    const found = await fc.check(
      fc.asyncProperty(plays, async (steps) => (await play(steps, redis, bug)).length === 0),
      // The play that shows this bug comes first; plays of the other bugs and random ones follow.
      {
        numRuns: 60,
        endOnFailure: true,
        examples: [[witnesses[bug]]],
      },
    );
    expect(found.failed).toBe(true);
  });
});
