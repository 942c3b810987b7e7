// A migrated Postgres primary with replicas that really stream from it, to lag, freeze or kill (about 4 s).
// For tests and benchmarks: `await using postgres = await startReplicatedPostgres({ replicas: 2 })`
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, createPool } from '../../origin/postgres/database.ts';
import { migrateToLatest } from '../../origin/postgres/migrate.ts';
import { findFreePort } from '../local/ports.ts';
import { withPostgres } from '../local/postgres.ts';
import { waitUntil } from '../local/wait-until.ts';
import { readFollower } from './postgres-health.ts';
import {
  cloneMember,
  createPrimary,
  describeMember,
  fenceMember,
  type PostgresMember,
  startMember,
} from './postgres-member.ts';

export interface ReplicatedPostgres extends AsyncDisposable {
  primary: PostgresMember;
  replicas: PostgresMember[];
  /** The replica shows nothing new from here on, but goes on streaming. */
  pause(replica: PostgresMember): Promise<void>;
  resume(replica: PostgresMember): Promise<void>;
  /** Waits until a replica has replayed everything that the primary has written until now. */
  caughtUp(replica: PostgresMember): Promise<void>;
  kill(member: PostgresMember): Promise<void>;
  /** Starts a killed server again on its own data. */
  start(member: PostgresMember): Promise<void>;
}

export async function startReplicatedPostgres(options: { replicas: number }): Promise<ReplicatedPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-replicated-'));
  const describe = async (name: string) =>
    describeMember({
      name,
      zone: 'a',
      port: await findFreePort(),
      password: 'a-password-of-tests',
      folder: join(folder, name),
      logFile: join(folder, `${name}.log`),
    });
  const primary = await describe('primary');
  await createPrimary(primary);
  await migrate(primary.url);
  const replicas: PostgresMember[] = [];
  for (let number = 1; number <= options.replicas; number++) {
    const replica = await describe(`replica-${number}`);
    await cloneMember(replica, primary, primary);
    await startMember(replica);
    replicas.push(replica);
  }
  for (const replica of replicas) {
    await waitUntil(async () => (await readFollower(primary, replica))?.streaming, {
      what: `${replica.name} to stream`,
      deadlineMs: 30_000,
    });
  }
  return {
    primary,
    replicas,
    pause: (replica) => run(replica, 'select pg_wal_replay_pause()').then(() => untilPaused(replica)),
    resume: (replica) => run(replica, 'select pg_wal_replay_resume()').then(() => undefined),
    async caughtUp(replica) {
      const [written] = await run(primary, 'select pg_current_wal_lsn() as lsn');
      await untilTrue(replica, `select pg_last_wal_replay_lsn() >= '${written?.['lsn']}' as yes`);
    },
    kill: fenceMember,
    start: startMember,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...replicas, primary].map((member) => fenceMember(member)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function migrate(url: string): Promise<void> {
  const db = createDatabase(createPool({ url, name: 'migrate', max: 1, queryTimeoutMs: 30_000 }));
  await migrateToLatest(db);
  await db.destroy();
}

function run(member: PostgresMember, sql: string): Promise<Record<string, unknown>[]> {
  return withPostgres(member.url, async (client) => (await client.query(sql)).rows);
}

function untilPaused(replica: PostgresMember): Promise<void> {
  return untilTrue(replica, "select pg_get_wal_replay_pause_state() = 'paused' as yes");
}

async function untilTrue(member: PostgresMember, sql: string): Promise<void> {
  await waitUntil(async () => (await run(member, sql))[0]?.['yes'] === true, {
    what: `${member.name} to be there: ${sql}`,
    deadlineMs: 15_000,
    everyMs: 10,
  });
}
