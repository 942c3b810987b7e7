// One Postgres and one Redis for the whole run, in a temporary folder that is removed afterwards; see stores.ts.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres, urlOfDatabase, withPostgres } from '../../ops-scripts/local/postgres.ts';
import { startRedisServer } from '../../ops-scripts/local/redis.ts';
import { leaveNothing } from '../../ops-scripts/local/run-until-stopped.ts';
import { createDatabase, createPool } from '../../origin/postgres/database.ts';
import { migrateToLatest } from '../../origin/postgres/migrate.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
    redisUrl: string;
  }
}

/** The same prefix as in run.ts, which may have set up the folder already. */
const prefix = 'myclothes-test-';
const templateDatabase = 'migrated';

export default async function setup(project: TestProject) {
  // Cleans up when this process ends, however it ends.
  if (!tmpdir().includes(`/${prefix}`)) leaveNothing(prefix, { onSignal: 'end' });
  const folder = mkdtempSync(join(tmpdir(), 'stores-'));
  const password = randomBytes(18).toString('base64url');
  const [postgres, redis] = await Promise.all([
    startPostgres({
      folder: join(folder, 'postgres'),
      password,
      logFile: join(folder, 'postgres.log'),
      // This server may be fast and unsafe. A test that cuts power starts its own server.
      settings: { fsync: 'off', full_page_writes: 'off', max_connections: '400' },
    }),
    startRedisServer({
      folder: join(folder, 'redis'),
      password,
      logFile: join(folder, 'redis.log'),
      toolsFolder: join(folder, 'tools'),
    }),
  ]);
  await migrateTemplate(postgres.url);
  project.provide('postgresUrl', postgres.url);
  project.provide('redisUrl', redis.url);

  return async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
    rmSync(folder, { recursive: true, force: true });
  };
}

async function migrateTemplate(url: string): Promise<void> {
  await withPostgres(url, (client) => client.query(`create database ${templateDatabase}`), 60_000);
  const pool = createPool({
    url: urlOfDatabase(url, templateDatabase),
    name: 'test-template',
    max: 1,
    queryTimeoutMs: 60_000,
  });
  const db = createDatabase(pool);
  await migrateToLatest(db);
  await db.destroy();
}
