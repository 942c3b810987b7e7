// The lineage of the database: when a process begins a new one, and when a failover keeps it.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { followLineage, type Lineage } from '../../origin/invalidation/lineage-watch.ts';
import { createPool, createDatabase as openDatabase } from '../../origin/postgres/database.ts';
import {
  createReadHistory,
  type DatabaseHistory,
  hasGoneBack,
  readLineage,
} from '../../origin/postgres/lineage.ts';
import { createProbe, type Probe } from '../../origin/postgres/replicas/wal-position.ts';
import { connectRedis, type RedisClient } from '../../origin/redis/connect.ts';
import type { Db } from '../../origin/schema.ts';
import { createDatabase, type PrivateStore, startRedis } from '../support/stores.ts';

const standing = new AsyncDisposableStack();
let url: string;
let db: Db;
let store: PrivateStore;
let redis: RedisClient;

beforeAll(async () => {
  ({ url } = standing.use(await createDatabase()));
  db = openDatabase(createPool({ url, name: 'test', max: 3, onError: () => undefined }));
  standing.defer(() => db.destroy());
  store = standing.use(await startRedis());
  redis = connectRedis({ urls: [store.url], name: 'test' });
  standing.defer(() => redis.disconnect());
  await vi.waitFor(() => redis.ping(), wait);
});
afterAll(() => standing.disposeAsync());

const probe = () => createProbe({ url, name: 'test', timeoutMs: 2_000 });
const wait = { timeout: 10_000, interval: 20 };

function follow(through: Probe = probe()): Lineage {
  const lineage = followLineage({ redis, db, probe: through });
  following.push(lineage);
  return lineage;
}

/** Closed after each test, because a running one would react to the next test's simulated log. */
const following: Lineage[] = [];
afterEach(() => {
  for (const lineage of following.splice(0)) lineage.close();
});

/** A primary that reports a changed position or timeline. */
function liar(change: (row: Record<string, unknown>) => Record<string, unknown>): Probe {
  const honest = probe();
  return {
    ...honest,
    ask: async (text) => (await honest.ask(text)).map((row) => change(row as Record<string, unknown>)),
  };
}

describe('a database', () => {
  const seen: DatabaseHistory = {
    value: 'a',
    ordinal: 0,
    systemIdentifier: '7',
    timeline: 2,
    lsn: 0x1_0000_5000n,
    history: '1\t0/3000148\twhy',
  };
  const promoted = { ...seen, timeline: 3, lsn: 0x1_0000_9000n };

  test('has not gone back while its log grows, nor when a standby took over that had all of it', () => {
    expect(hasGoneBack(seen, seen)).toBe(false);
    expect(hasGoneBack(seen, { ...seen, lsn: seen.lsn + 1n })).toBe(false);
    const history = `${seen.history}\n2\t1/5000\tno recovery target specified\n`;
    expect(hasGoneBack(seen, { ...promoted, history })).toBe(false);
    expect(hasGoneBack({ ...seen, timeline: 1, lsn: 0x3000148n }, { ...promoted, history })).toBe(false);
  });

  test('has gone back where its log is shorter, its timeline was left earlier, or nobody can tell', () => {
    expect(hasGoneBack(seen, { ...seen, lsn: seen.lsn - 1n })).toBe(true);
    expect(hasGoneBack(seen, { ...promoted, history: `${seen.history}\n2\t1/4FFF\twhy` })).toBe(true);
    expect(hasGoneBack(seen, { ...promoted, history: '1\t0/3000148\twhy' })).toBe(true);
    expect(hasGoneBack(seen, { ...promoted, history: undefined })).toBe(true);
    // A second restore from the same base has the same timeline number again.
    expect(hasGoneBack(seen, { ...seen, lsn: seen.lsn + 1n, history: '1\t0/3000200\twhy' })).toBe(true);
  });
});

describe('a process', () => {
  test('begins a new lineage where the log is behind what any process has seen, and all agree on one', async () => {
    const before = await readLineage(db);
    const [one, two] = [follow(), follow()];
    await vi.waitFor(() => expect([one.known()?.value, two.known()?.value]).toEqual([before, before]), wait);
    let behind = true;
    const third = follow(liar((row) => (behind ? { ...row, lsn: '1' } : row)));
    const told = vi.fn();
    one.onChange(told);
    await vi.waitFor(() => expect(third.known()?.value ?? before).not.toBe(before), wait);
    behind = false;
    await vi.waitFor(async () => {
      const now = await readLineage(db);
      expect([one.known()?.value, two.known()?.value, third.known()?.value]).toEqual([now, now, now]);
    }, wait);
    expect(told).toHaveBeenCalled();
  });

  test('begins a new lineage where a restore wrote the row anew, as a dump that is loaded does', async () => {
    const lineage = follow();
    await vi.waitFor(() => expect(lineage.known()).toBeDefined(), wait);
    const before = await readLineage(db);
    await sql`update database_lineage set begun_at = begun_at`.execute(db);
    await vi.waitFor(async () => expect(await readLineage(db)).not.toBe(before), wait);
    await vi.waitFor(async () => expect(lineage.known()?.value).toBe(await readLineage(db)), wait);
  });

  test('keeps the lineage through a failover that lost nothing', async () => {
    let timeline = '00000001';
    let history: string | null = null;
    const lineage = follow(liar((row) => ({ ...row, timeline, history })));
    await vi.waitFor(() => expect(lineage.known()).toBeDefined(), wait);
    const before = await readLineage(db);
    history = '1\tFFFF/0\tno recovery target specified';
    timeline = '00000002';
    const told = vi.fn();
    lineage.onChange(told);
    await vi.waitFor(async () => expect(await redis.get('database-lineage')).toContain('"timeline":2'), wait);
    expect(await readLineage(db)).toBe(before);
    expect(told).not.toHaveBeenCalled();
    await redis.del('database-lineage');
  });

  test('knows no lineage while neither store can tell it, and takes over what Redis says while Postgres is away', async () => {
    const silent: Probe = { ask: () => Promise.reject(new Error('away')), close: () => undefined };
    const known = follow();
    await vi.waitFor(async () => expect((await known.confirm())?.value).toBe(await readLineage(db)), wait);
    const started = follow(silent);
    expect((await started.confirm())?.value).toBe(await readLineage(db));
    known.close();
    await redis.del('database-lineage');
    const blind = follow(silent);
    expect(await blind.confirm()).toBeUndefined();
  });

  test('needs no rights of a superuser; without them any new timeline counts as one that may have lost something', async () => {
    const role = `reader_${randomUUID().slice(0, 8)}`;
    await sql.raw(`create role ${role} login password 'a-password-of-tests'`).execute(db);
    await sql.raw(`grant select on database_lineage to ${role}`).execute(db);
    const own = new URL(url);
    own.username = role;
    own.password = 'a-password-of-tests';
    const limited = createProbe({ url: own.href, name: 'test', timeoutMs: 2_000 });
    const history = await createReadHistory(limited)();
    limited.close();
    expect(history).toMatchObject({ value: await readLineage(db), history: undefined });
    expect(hasGoneBack(history, { ...history, timeline: 2 })).toBe(true);
    await sql.raw(`drop owned by ${role}`).execute(db);
    await sql.raw(`drop role ${role}`).execute(db);
  });
});
