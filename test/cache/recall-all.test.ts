// The lines of a cart are taken from memory together: by one question for the floors of all, and never one that is
// below its own.
import { expect, test } from 'vitest';
import type { TagVersions } from '../../http/cache-tag.ts';
import { createFencedCache } from '../../origin/cache/fenced-cache.ts';
import { trustedMs } from '../../origin/cache/memory.ts';
import type { FloorCheck } from '../../origin/invalidation/floors.ts';
import type { Db } from '../../origin/schema.ts';

async function openCache(entries: Record<string, TagVersions>) {
  const world = {
    nowMs: 0,
    floors: {} as TagVersions,
    away: false,
    answerTakesMs: 0,
    asked: [] as TagVersions[],
  };
  const check = async (tags: TagVersions): Promise<FloorCheck> => {
    world.asked.push(tags);
    if (world.away) throw new Error('Redis is away');
    const { floors } = world;
    await Promise.resolve();
    world.nowMs += world.answerTakesMs;
    return Object.entries(tags).every(([tag, version]) => version >= (floors[tag] ?? 0)) ? 'above' : 'below';
  };
  const cache = createFencedCache({
    db: undefined as unknown as Db,
    floors: { check, raise: async () => undefined },
    entries: {
      get: async () => undefined,
      lease: async () => 'a lease',
      store: async () => true,
      release: async () => undefined,
      awaitEntry: async () => undefined,
    },
    l1Bytes: 1_000_000,
    clock: () => world.nowMs,
  });
  for (const [key, tags] of Object.entries(entries)) {
    await cache.read({ key, fill: async () => ({ value: `${key} in memory`, tags }) });
  }
  world.asked.length = 0;
  const recall = async (...keys: string[]) => Object.fromEntries(await cache.recallAll<string>(keys));
  return Object.assign(world, { recall });
}

const shirts = {
  a: { 'product:1': 3, 'stock:1': 1 },
  b: { 'product:1': 2, 'stock:2': 1 },
  c: { 'product:2': 1 },
};
const all = { a: 'a in memory', b: 'b in memory', c: 'c in memory' };

test('what is trusted is taken without a question', async () => {
  const world = await openCache(shirts);
  expect(await world.recall('a', 'b', 'c', 'unknown')).toEqual(all);
  expect(world.asked).toEqual([]);
});

test('what is not is asked for by one question, a tag of several at the lowest version that one of them has', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  expect(await world.recall('a', 'b', 'c')).toEqual(all);
  expect(world.asked).toEqual([{ 'product:1': 2, 'stock:1': 1, 'stock:2': 1, 'product:2': 1 }]);
  expect(await world.recall('a', 'b', 'c')).toEqual(all);
  expect(world.asked).toHaveLength(1);
});

test('who asks meanwhile waits for the same answer', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  expect(await Promise.all([world.recall('a', 'b'), world.recall('b', 'a'), world.recall('b')])).toEqual([
    { a: all.a, b: all.b },
    { a: all.a, b: all.b },
    { b: all.b },
  ]);
  expect(world.asked).toHaveLength(1);
});

test('an answer that took longer than trust lasts still serves who asked for it', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  world.answerTakesMs = 2 * trustedMs;
  expect(await world.recall('a')).toEqual({ a: all.a });
});

test('nothing below its floor is served, also where it stands beside others', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  world.floors = { 'product:1': 3 };
  const found = await world.recall('a', 'b', 'c');
  expect(found).not.toHaveProperty('b');
});

test('while Redis is away nothing is served that is no longer trusted', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  world.away = true;
  expect(await world.recall('a', 'b', 'c')).toEqual({});
});
