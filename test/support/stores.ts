// Real stores for tests.
// `await using database = await createDatabase()` is a migrated, empty database of the test's own (about 0.1 s).
// `await using redis = await startRedis()` is a private Redis to flush, freeze or kill (about 0.1 s).
// `await using postgres = await startPrivatePostgres()` is a private Postgres, for tests that kill it (about 2 s).
// `sharedRedisUrl()` is the common Redis of the run: use keys that no other test uses, and never flush it.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { StoreServer } from '../../ops-scripts/local/part.ts';
import { startPostgres, urlOfDatabase, withPostgres } from '../../ops-scripts/local/postgres.ts';
import { startRedisServer } from '../../ops-scripts/local/redis.ts';

const templateDatabase = 'migrated';

export interface TestDatabase extends AsyncDisposable {
  url: string;
}

/** A clone of the migrated template, which is dropped with its connections at the end. */
export async function createDatabase(): Promise<TestDatabase> {
  const server = inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await withPostgres(
    server,
    (client) => client.query(`create database ${name} template ${templateDatabase}`),
    30_000,
  );
  return {
    url: urlOfDatabase(server, name),
    [Symbol.asyncDispose]: async () => {
      await withPostgres(
        server,
        (client) => client.query(`drop database if exists ${name} with (force)`),
        30_000,
      );
    },
  };
}

export function sharedRedisUrl(): string {
  return inject('redisUrl');
}

/** A server of the test's own: kill it by `pid`; `restart` brings it back on the same URL with its data. */
export type PrivateStore = StoreServer & AsyncDisposable & { restart(): Promise<PrivateStore> };

export async function startRedis(settings: Record<string, string> = {}): Promise<PrivateStore> {
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-redis-'));
  const start = (port: number) =>
    startRedisServer({
      folder: join(folder, 'data'),
      password: 'a-password-of-tests',
      logFile: join(folder, 'redis.log'),
      toolsFolder: join(folder, 'tools'),
      port,
      settings,
    });
  return asPrivateStore(await start(0), start, folder);
}

/** Starts an empty server: its database `myclothes` is not migrated. */
export async function startPrivatePostgres(settings: Record<string, string> = {}): Promise<PrivateStore> {
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-postgres-'));
  const start = (port: number) =>
    startPostgres({
      folder: join(folder, 'data'),
      password: 'a-password-of-tests',
      logFile: join(folder, 'postgres.log'),
      port,
      settings,
    });
  return asPrivateStore(await start(0), start, folder);
}

function asPrivateStore(
  store: StoreServer,
  start: (port: number) => Promise<StoreServer>,
  folder: string,
): PrivateStore {
  return {
    ...store,
    restart: async () => {
      await store.stop();
      return asPrivateStore(await start(Number(new URL(store.url).port)), start, folder);
    },
    [Symbol.asyncDispose]: async () => {
      await store.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
