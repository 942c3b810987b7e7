// Stores of a test's own that can be killed, frozen and thawed, with a migrated database.
import { execFileSync } from 'node:child_process';
import { createDatabase, createPool } from '../../../origin/postgres/database.ts';
import { migrateToLatest } from '../../../origin/postgres/migrate.ts';
import { type PrivateStore, startPrivatePostgres } from '../../support/stores.ts';

export async function startMigratedPostgres(): Promise<PrivateStore> {
  const postgres = await startPrivatePostgres();
  const db = createDatabase(
    createPool({ url: postgres.url, name: 'migrate', max: 1, queryTimeoutMs: 20_000 }),
  );
  await migrateToLatest(db);
  await db.destroy();
  return postgres;
}

/** The server and every process that it has forked, as a machine that hangs. */
export function freeze(store: PrivateStore): void {
  for (const pid of processesOf(store)) process.kill(pid, 'SIGSTOP');
}

export function thaw(store: PrivateStore): void {
  for (const pid of processesOf(store)) process.kill(pid, 'SIGCONT');
}

/** As the kernel or a power cut would; `restart` brings it back. */
export function kill(store: PrivateStore): void {
  for (const pid of processesOf(store)) process.kill(pid, 'SIGKILL');
}

function processesOf(store: PrivateStore): number[] {
  const pid = store.pid;
  const table = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' });
  const children = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!);
  return [pid, ...children];
}
