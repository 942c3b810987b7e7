import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSemaphore, SemaphoreFullError } from '../../origin/concurrency/semaphore.ts';

describe('a semaphore', () => {
  test('lets in so many at once, keeps so many waiting, and sends the rest away', async () => {
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

  test('sends away who has waited too long, and goes on', async () => {
    const semaphore = createSemaphore({ atOnce: 1, waiting: 5, waitMs: 5 });
    const gate = Promise.withResolvers<void>();
    const first = semaphore.run(() => gate.promise);
    await expect(semaphore.run(async () => 'late')).rejects.toThrow(SemaphoreFullError);
    gate.resolve();
    await first;
    expect(await semaphore.run(async () => 'in time')).toBe('in time');
  });

  test('is left by work that fails', async () => {
    const semaphore = createSemaphore({ atOnce: 1, waiting: 0, waitMs: 5 });
    await expect(semaphore.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await semaphore.run(async () => 1)).toBe(1);
  });
});
