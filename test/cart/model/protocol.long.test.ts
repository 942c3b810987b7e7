// The same model as in the short test, for as many schedules as rare interleavings need.
import fc from 'fast-check';
import { test } from 'vitest';
import { losesNothing } from './loses-nothing.ts';

test('an acknowledged operation is there exactly once in each of 200,000 schedules', {
  timeout: 1_800_000,
}, async () => {
  await fc.assert(losesNothing(), { numRuns: 200_000 });
});
