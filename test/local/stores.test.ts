// The local stores: data outlives kill -9, earlier processes are ended, and nobody else can get in.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startPostgres, withPostgres } from '../../ops-scripts/local/postgres.ts';
import { withRedis } from '../../ops-scripts/local/redis.ts';
import { createDatabase, startPrivatePostgres, startRedis } from '../support/stores.ts';

test('a committed row is there after Postgres was killed and started again', async () => {
  await using first = await startPrivatePostgres();
  await withPostgres(first.url, (client) => client.query('create table kept as select 42 as answer'));
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  await using second = await first.restart();
  const { rows } = await withPostgres(second.url, (client) => client.query('select answer from kept'));
  expect(rows).toEqual([{ answer: 42 }]);
});

test('a server that an earlier start left behind is ended, and its data taken over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-leftover-'));
  const options = { folder: join(folder, 'data'), password: 'secret', logFile: join(folder, 'log') };
  const left = await startPostgres(options);
  const next = await startPostgres(options);
  expect(left.hasExited()).toBe(true);
  expect((await withPostgres(next.url, (client) => client.query('select 1 as one'))).rows).toEqual([
    { one: 1 },
  ]);
  await next.stop();
  rmSync(folder, { recursive: true });
});

test('Postgres asks for its password', async () => {
  await using store = await startPrivatePostgres();
  const wrong = store.url.replace('a-password-of-tests', 'guessed');
  await expect(withPostgres(wrong, (client) => client.query('select 1'))).rejects.toThrow(/password/);
});

test('an acknowledged key is there after Redis was killed and started again', async () => {
  await using first = await startRedis();
  await withRedis(first.url, (redis) => redis.set('kept', '42'));
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  await using second = await first.restart();
  expect(await withRedis(second.url, (redis) => redis.get('kept'))).toBe('42');
});

test('Redis asks for its password, never evicts, and writes every change to its file', async () => {
  await using store = await startRedis();
  const open = store.url.replace(/:[^:@]+@/, '');
  await expect(withRedis(open, (redis) => redis.get('x'))).rejects.toThrow();
  const config = await withRedis(store.url, (redis) => redis.config('GET', 'maxmemory-policy', 'appendonly'));
  expect(config).toEqual(expect.arrayContaining(['noeviction', 'yes']));
});

test('each test database is migrated and its own', async () => {
  await using one = await createDatabase();
  await using other = await createDatabase();
  await withPostgres(one.url, (client) => client.query('create table only_here ()'));
  const tables = "select count(*)::int as n from pg_tables where tablename in ('variants', 'only_here')";
  expect((await withPostgres(one.url, (client) => client.query(tables))).rows).toEqual([{ n: 2 }]);
  expect((await withPostgres(other.url, (client) => client.query(tables))).rows).toEqual([{ n: 1 }]);
});
