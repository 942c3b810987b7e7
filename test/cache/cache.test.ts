// The parts of the cache: memory, leases, entries that are recalled together, and a Redis that returns with older
// data.

import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { describe, expect, test, vi } from 'vitest';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { LoadedEntry } from '../../origin/cache/entry.ts';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createFencedCache } from '../../origin/cache/fenced-cache.ts';
import { createMemory, trustedMs } from '../../origin/cache/memory.ts';
import { defineCartScripts } from '../../origin/cart/server/copy-scripts.ts';
import { createFloors, type FloorCheck, type TagVersionReader } from '../../origin/invalidation/floors.ts';
import { connectRedis } from '../../origin/redis/connect.ts';
import { type RunId, trackRunId } from '../../origin/redis/versioned-reads.ts';
import type { Db } from '../../origin/schema.ts';
import { sharedRedisUrl, startRedis } from '../support/stores.ts';

function open(maxBytes = 1_000_000) {
  const world = { nowMs: 0, verdict: 'above' as FloorCheck, checks: 0 };
  const floors = {
    async check() {
      world.checks += 1;
      await Promise.resolve();
      return world.verdict;
    },
    raise: async () => undefined,
  };
  return Object.assign(world, { memory: createMemory({ floors, maxBytes, clock: () => world.nowMs }) });
}

function entry(asOf: number, bytes = 100): LoadedEntry {
  return { value: 'a page', tags: { 'product:1': 1 }, outcome: 'miss', asOf, bytes, isChecked: true };
}

describe('the memory of an origin', () => {
  test('serves what was checked less than 25 ms ago, as a hit, and asks nobody', () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = trustedMs - 1;
    expect(world.memory.recall('page')).toMatchObject({ value: 'a page', outcome: 'hit' });
    expect(world.checks).toBe(0);
  });

  test('serves nothing after a pause before its floors were read again', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    // The process is stopped for half a minute, in which the page was changed and the change was done.
    world.nowMs = 30_000;
    world.verdict = 'below';
    expect(world.memory.recall('page')).toBeUndefined();
    expect(await world.memory.recheck('page')).toBeUndefined();
    expect(world.memory.recall('page')).toBeUndefined();
  });

  test('trusts an entry from the moment at which the check of its floors began, not from its end', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = 100;
    const checked = world.memory.recheck('page');
    world.nowMs = 100 + trustedMs;
    expect(await checked).toBeDefined();
    expect(world.memory.recall('page')).toBeUndefined();
  });

  test('asks once for a thousand requests of one page', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = trustedMs;
    const found = await Promise.all(Array.from({ length: 1_000 }, () => world.memory.recheck('page')));
    expect(found.every((one) => one?.value === 'a page')).toBe(true);
    expect(world.checks).toBe(1);
  });

  test('serves nothing where the floors cannot be read', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = trustedMs;
    world.verdict = 'unreadable';
    expect(await world.memory.recheck('page')).toBeUndefined();
  });

  test('holds no more bytes than it may', () => {
    const { memory } = open(10_000);
    const keys = Array.from({ length: 100 }, (_, index) => `page-${index}`);
    for (const key of keys) memory.keep(key, entry(0, 1_000));
    const held = keys.filter((key) => memory.peek(key) !== undefined);
    expect(held.length).toBeLessThanOrEqual(9);
    expect(held).toContain('page-99');
  });
});

// Leases are not left behind. A reader without an entry to store gives its lease back, and a reader that leased a
// floor sets it. Later readers must not wait for a fill that never comes.

/** Reads a missing entry with floors that answer `verdict`. Afterwards nobody may hold the lease any longer. */
async function givesBackItsLease(verdict: FloorCheck, value: () => Promise<number>): Promise<void> {
  const redis = connectRedis({ urls: [sharedRedisUrl()], name: 'origin', commandTimeoutMs: 5_000 }) as Redis;
  const key = randomUUID();
  const isLeased = () => redis.exists(`entry-lease:{${key}}`);
  try {
    await vi.waitFor(() => expect(redis.status).toBe('ready'), { timeout: 20_000 });
    const db = undefined as unknown as Db;
    const floors = { ...createFloors({ redis, db, readers: [] }), check: async () => verdict };
    const entries = createEntryStore(redis, { isLeft: async () => true });
    const cache = createFencedCache({ db, floors, entries, l1Bytes: 1_000_000 });
    let leasedMeanwhile = 0;
    const fill = async () => {
      leasedMeanwhile = await isLeased();
      return { value: await value(), tags: { 'product:1': 1 } };
    };
    await cache.read({ key, fill }).catch(() => undefined);
    expect(leasedMeanwhile).toBe(1);
    await vi.waitFor(async () => expect(await isLeased()).toBe(0), { timeout: 2_000 });
  } finally {
    redis.disconnect();
  }
}

test('a leased floor is set, even while another process leases another floor of the same entry', async () => {
  const redis = connectRedis({ urls: [sharedRedisUrl()], name: 'origin', commandTimeoutMs: 5_000 }) as Redis;
  try {
    await vi.waitFor(() => expect(redis.status).toBe('ready'), { timeout: 20_000 });
    const [taken, free] = [`product:${randomUUID()}`, `product:${randomUUID()}`];
    const readers: TagVersionReader[] = [
      async (_db, tags) => Object.fromEntries(tags.map((tag) => [tag, 1])),
    ];
    const floors = createFloors({ redis, db: undefined as unknown as Db, readers });
    await expect.poll(() => floors.check({ [free.slice(0, -1)]: 1 })).toBe('above');
    await redis.set(`floor-lease:{${taken}}`, 'somebody else', 'PX', 10_000);
    expect(await floors.check({ [taken]: 1, [free]: 1 })).toBe('unreadable');
    expect(await floors.check({ [free]: 1 })).toBe('above');
  } finally {
    redis.disconnect();
  }
});

test.each<FloorCheck>(['above', 'below', 'unreadable'])('after a fill whose floors are %s', (verdict) =>
  givesBackItsLease(verdict, async () => 1),
);

test('after a fill that failed', () =>
  givesBackItsLease('above', () => Promise.reject(new Error('no such row'))));

// The lines of a cart are taken from memory together. One question reads the floors of all, and no entry below its
// floor is served.

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

test('trusted entries are taken without a question', async () => {
  const world = await openCache(shirts);
  expect(await world.recall('a', 'b', 'c', 'unknown')).toEqual(all);
  expect(world.asked).toEqual([]);
});

test('other entries are checked by one question, with the lowest version of each tag', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  expect(await world.recall('a', 'b', 'c')).toEqual(all);
  expect(world.asked).toEqual([{ 'product:1': 2, 'stock:1': 1, 'stock:2': 1, 'product:2': 1 }]);
  expect(await world.recall('a', 'b', 'c')).toEqual(all);
  expect(world.asked).toHaveLength(1);
});

test('callers that ask meanwhile wait for the same answer', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  expect(await Promise.all([world.recall('a', 'b'), world.recall('b', 'a'), world.recall('b')])).toEqual([
    { a: all.a, b: all.b },
    { a: all.a, b: all.b },
    { b: all.b },
  ]);
  expect(world.asked).toHaveLength(1);
});

test('an answer that took longer than trust lasts still serves its callers', async () => {
  const world = await openCache(shirts);
  world.nowMs = trustedMs;
  world.answerTakesMs = 2 * trustedMs;
  expect(await world.recall('a')).toEqual({ a: all.a });
});

test('no entry below its floor is served, also among others', async () => {
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

// A Redis that dies and returns with older data, and one that is made a replica. test/freshness plays all other
// orders of events.

/**
 * A change is done, Redis dies, and returns with entry and floor from before the change.
 * @returns the version that is then shown
 */
async function readAfterReturn(believe: (told: RunId) => RunId): Promise<number> {
  await using first = await startRedis({ appendonly: 'no' });
  const admin = new Redis(first.url).on('error', () => undefined);
  const redis = connectRedis({ urls: [first.url], name: 'origin' }) as Redis;
  const told = trackRunId(redis);
  const isKnown = () => vi.waitFor(() => expect(told.current()).toBeDefined(), { timeout: 10_000 });
  await isKnown();
  let row = 1;
  const tagsOfRow = async () => ({ 'product:1': row });
  const db = undefined as unknown as Db;
  const floors = createFloors({ redis, db, readers: [tagsOfRow], server: believe(told) });
  const read = async () => {
    const entries = createEntryStore(redis, { isLeft: async () => true });
    const cache = createFencedCache({ db, floors, entries, l1Bytes: 1_000_000 });
    const fill = async () => ({ value: row, tags: await tagsOfRow() });
    return (await cache.read<number>({ key: 'page', fill })).value;
  };
  await read();
  await admin.save();
  row = 2;
  await floors.raise({ 'product:1': row });
  const before = told.current();
  process.kill(first.pid, 'SIGKILL');
  await expect.poll(() => told.current()).not.toBe(before);
  await using _again = await first.restart();
  await isKnown();
  const shown = await read();
  admin.disconnect();
  redis.disconnect();
  return shown;
}

test('makes its floors unknown, not old', async () => {
  expect(await readAfterReturn((told) => told)).toBe(2);
});

test('would show the old version if any run id were believed', async () => {
  expect(await readAfterReturn(() => ({ current: () => 'any-server' }))).toBe(1);
});

test('is not believed once it was made a replica: neither its floors nor its carts', async () => {
  await using old = await startRedis({ appendonly: 'no' });
  const admin = new Redis(old.url).on('error', () => undefined);
  const redis = connectRedis({ urls: [old.url], name: 'origin' }) as Redis;
  const told = trackRunId(redis);
  await vi.waitFor(() => expect(told.current()).toBeDefined(), { timeout: 10_000 });
  const tags = { 'product:1': 1, 'product:2': 1 };
  const readers = [async () => ({ 'product:1': 1, 'product:2': 1 })];
  const floors = createFloors({ redis, db: undefined as unknown as Db, readers, server: told });
  defineCartScripts(redis);
  const readCart = () => redis.readCart('{c}copy', '{c}journal', '{c}birth', 'random');
  for (const _time of [1, 2]) {
    expect(await floors.check(tags)).toBe('above');
    expect(await readCart()).toHaveLength(6);
  }
  const connections = async () => (await admin.client('LIST')) as string;
  expect(await connections()).toContain('name=origin');
  // It becomes a replica of a primary that does not answer, so that its data stays as it was.
  await admin.replicaof('127.0.0.1', 9);
  expect(await connections()).toContain('name=origin');
  await expect(floors.check(tags)).rejects.toThrow('READONLY');
  // The client has also closed the connection.
  await expect.poll(() => readCart().catch((error: Error) => error.message)).toContain('READONLY');
  admin.disconnect();
  redis.disconnect();
});
