// A Redis that dies and comes back with older data, and one that is made a replica. All other orders of events are
// played in test/freshness.
import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createFencedCache } from '../../origin/cache/fenced-cache.ts';
import { defineCartScripts } from '../../origin/cart/server/copy-scripts.ts';
import { createFloors } from '../../origin/invalidation/floors.ts';
import { connectRedis } from '../../origin/redis/connect.ts';
import { type RunId, trackRunId } from '../../origin/redis/versioned-reads.ts';
import type { Db } from '../../origin/schema.ts';
import { startRedis } from '../support/stores.ts';

/**
 * A change is done, Redis dies, and comes back with entry and floor from before the change. @returns the version that
 * is then shown
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
  await vi.waitFor(() => expect(told.current()).not.toBe(before));
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
  // Of a primary that does not answer: what the replica holds stays what it was.
  await admin.replicaof('127.0.0.1', 9);
  expect(await connections()).toContain('name=origin');
  await expect(floors.check(tags)).rejects.toThrow('READONLY');
  // The connection was left, too.
  await expect.poll(() => readCart().catch((error: Error) => error.message)).toContain('READONLY');
  admin.disconnect();
  redis.disconnect();
});
