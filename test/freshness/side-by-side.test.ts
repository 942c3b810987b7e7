import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PrivateStore, startRedis } from '../support/stores.ts';
import { createGate } from './gate.ts';
import { type OriginCache, rivals } from './rival-caches.ts';
import { plainPlays, type Step } from './steps.ts';
import { startTwoRedis } from './two-redis.ts';
import { play } from './world.ts';

/** Every cache gets the same plays. */
const samePlays: Step[][] = fc.sample(plainPlays, { numRuns: 80, seed: 9 });

interface Count {
  cache: string;
  reads: number;
  stale: number;
}

describe('side by side, in the same plays of changes, reads and fills that take long', () => {
  const counts: Count[] = [];
  let store: PrivateStore;
  let admin: Redis;

  beforeAll(async () => {
    store = await startRedis({ appendonly: 'no', save: '' });
    admin = new Redis(store.url).on('error', () => undefined);
  });
  afterAll(async () => {
    console.table(Object.fromEntries(counts.map(({ cache, ...count }) => [cache, count])));
    admin.disconnect();
    await store[Symbol.asyncDispose]();
  });

  test('our cache never shows a value after its change is done', async () => {
    await using redis = await startTwoRedis();
    const count: Count = { cache: 'ours (memory, Redis, floors)', reads: 0, stale: 0 };
    for (const steps of samePlays) {
      count.reads += countReads(steps);
      count.stale += (await play(steps, redis)).length;
    }
    counts.push(count);
    expect(count.stale).toBe(0);
  });

  test.each(Object.keys(rivals))('%s does', async (name) => {
    const origins = [0, 1].map(() => rivals[name]!(store.url));
    const count: Count = { cache: name, reads: 0, stale: 0 };
    for (const [index, steps] of samePlays.entries()) {
      count.reads += countReads(steps);
      count.stale += await playPlainly(steps, origins, admin, `page-${index}`);
    }
    await Promise.all(origins.map((origin) => origin.close()));
    counts.push(count);
    expect(count.stale).toBeGreaterThan(0);
  });
});

/** @returns how many reads showed less than was acknowledged before they began */
async function playPlainly(
  steps: Step[],
  origins: OriginCache[],
  admin: Redis,
  key: string,
): Promise<number> {
  const gate = createGate();
  const reads = new Set<Promise<void>>();
  let row = 1;
  let done = 1;
  let stale = 0;
  const fill = async () => {
    const version = row;
    await gate.pass();
    return version;
  };
  const read = (origin: OriginCache) => {
    const least = done;
    const one = origin.read(key, fill).then((seen) => {
      if (seen < least) stale += 1;
      reads.delete(one);
    });
    reads.add(one);
  };
  const act: Partial<Record<Step, () => unknown>> = {
    async change() {
      row += 1;
      const version = row;
      await origins[0]!.forget(key);
      done = version;
    },
    'read at origin 0': () => read(origins[0]!),
    'read at origin 1': () => read(origins[1]!),
    hold: gate.close,
    'let go': gate.open,
    'empty Redis': () => admin.flushall(),
  };
  for (const step of steps) {
    await act[step]?.();
    // Lasts as long as an undisturbed read, which asks Redis about a dozen questions.
    for (let turn = 0; reads.size > 0 && turn < 12; turn++) await admin.ping();
  }
  gate.open();
  await Promise.all(reads);
  return stale;
}

function countReads(steps: Step[]): number {
  return steps.filter((step) => step.startsWith('read')).length;
}
