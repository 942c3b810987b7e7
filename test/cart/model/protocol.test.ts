// Runs thousands of schedules in seconds, and checks that each planted bug is found.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { losesNothing } from './loses-nothing.ts';
import type { Bug } from './model-stores.ts';

test('an acknowledged operation is there exactly once, whatever is lost, delayed or fails over', async () => {
  await fc.assert(losesNothing(), { numRuns: 2_000 });
});

describe('the model notices', () => {
  const bugs: Bug[] = [
    'op-id-dropped',
    'version-ignored',
    'trimmed-before-commit',
    'trims-all',
    'ack-before-wait',
    'journal-reordered',
    'poisoned-client',
    'ack-without-answer',
    'forgotten-on-ack',
    're-appended-after-commit',
    'replayed-into-next-generation',
    'not-handed-over',
    'place-forgotten',
  ];
  test.each(bugs)('%s', async (bug) => {
    expect((await fc.check(losesNothing(bug), { numRuns: 4_000 })).failed).toBe(true);
  });
});
