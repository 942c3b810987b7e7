// A store whose host disappears without a reset: old connections stay silent for ever, and new ones reach another
// host.
import { connect, createServer, type Socket } from 'node:net';
import { sql } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';
import { createPool, createDatabase as openDatabase } from '../../origin/postgres/database.ts';
import { connectRedis } from '../../origin/redis/connect.ts';
import { createDatabase, sharedRedisUrl } from '../support/stores.ts';

interface Way extends AsyncDisposable {
  url: string;
  /** From now on no byte passes on the present connections. */
  mute(): void;
}

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Opens a TCP proxy to a store that can go silent. */
async function openWay(target: string): Promise<Way> {
  const url = new URL(target);
  const { port, hostname } = url;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The way has no port');
  url.host = `127.0.0.1:${address.port}`;
  const way = {
    url: url.href,
    mute() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  opened.push(way);
  return way;
}

async function openMutablePostgres() {
  const database = await createDatabase();
  opened.push(database);
  const way = await openWay(database.url);
  const pool = createPool({
    url: way.url,
    name: 'mute',
    max: 2,
    queryTimeoutMs: 300,
    onError: () => undefined,
  });
  const db = openDatabase(pool);
  opened.push({ [Symbol.asyncDispose]: () => db.destroy() });
  return { way, pool, db, ask: () => sql<{ one: number }>`select 1 as one`.execute(db) };
}

const answered = { rows: [{ one: 1 }] };

test('a client of Postgres whose statement ran into its deadline is never lent again', async () => {
  const { way, pool, ask } = await openMutablePostgres();
  await Promise.all([ask(), ask()]);
  way.mute();
  // Both connections are silent, and each is tried once.
  await Promise.all([expect(ask()).rejects.toThrow('timeout'), expect(ask()).rejects.toThrow('timeout')]);
  await expect(ask()).resolves.toMatchObject(answered);
  expect(pool.idleCount).toBe(1);
});

test('a client of Postgres whose transaction met silence is never lent again, wherever that was', async () => {
  const { way, db, ask } = await openMutablePostgres();
  for (const lateBy of [0, 1]) {
    const broken = db.transaction().execute(async (tx) => {
      if (lateBy === 1) await sql`select 1`.execute(tx);
      way.mute();
      await sql`select 2`.execute(tx);
    });
    await expect(broken).rejects.toThrow();
    await expect(ask()).resolves.toMatchObject(answered);
  }
});

test('a client of Postgres keeps its connection through refused statements, and loses it inside a transaction', async () => {
  const { pool, db, ask } = await openMutablePostgres();
  const pidOf = async () =>
    (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)).rows[0]!.pid;
  const pid = await pidOf();
  for (let round = 0; round < 3; round += 1)
    await expect(sql`select 1 / 0`.execute(db)).rejects.toThrow('zero');
  expect(await pidOf()).toBe(pid);
  const client = await pool.connect();
  await client.query('begin');
  client.release();
  await expect(ask()).resolves.toMatchObject(answered);
  expect(await pidOf()).not.toBe(pid);
});

test('a mute socket to a single Redis is cut, and the next connection answers', async () => {
  const way = await openWay(sharedRedisUrl());
  const redis = connectRedis({
    urls: [way.url],
    name: 'mute',
    commandTimeoutMs: 100,
    onError: () => undefined,
  });
  opened.push({ [Symbol.asyncDispose]: async () => redis.disconnect() });
  const answers = () =>
    redis.ping().then(
      () => true,
      () => false,
    );
  await waitUntil(answers, { what: 'Redis to be connected', deadlineMs: 20_000 });
  way.mute();
  await expect(redis.ping()).rejects.toThrow('timed out');
  await waitUntil(answers, { what: 'another connection', deadlineMs: 3_000 });
});
