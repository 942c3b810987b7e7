// Pauses and resumes replay on a replica, and reads from the outbox which changes are done.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { DrillRegionPart } from '../region.ts';

const commandMs = 5_000;

/** The error of a query that a replica cancels, because the query conflicts with replay. It may be repeated. */
const conflictWithRecovery = '40001';
const triesAtPause = 10;

/** Pauses replay for `ms`, so that the replica answers with its data of the beginning. */
export function pauseReplay(replica: DrillRegionPart, ms: number): Promise<void> {
  return withPostgres(replica, async (client) => {
    await pauseDespiteConflicts(client, triesAtPause);
    await delay(ms);
    await client.query('select pg_wal_replay_resume()');
  });
}

async function pauseDespiteConflicts(client: pg.Client, tries: number): Promise<void> {
  try {
    await client.query('select pg_wal_replay_pause()');
  } catch (error) {
    if ((error as pg.DatabaseError).code !== conflictWithRecovery || tries === 1) throw error;
    await pauseDespiteConflicts(client, tries - 1);
  }
}

/** @returns the id of the newest invalidation that was committed */
export function newestChange(primary: DrillRegionPart): Promise<string> {
  return withPostgres(primary, async (client) => {
    const { rows } = await client.query("select max(id)::text as id from outbox where kind = 'invalidate'");
    return rows[0].id as string;
  });
}

/** @returns whether every invalidation up to that one is done */
export function toldUpTo(primary: DrillRegionPart, id: string): Promise<boolean> {
  return withPostgres(primary, async (client) => {
    const { rowCount } = await client.query(
      "select from outbox where kind = 'invalidate' and state <> 'done' and id <= $1 limit 1",
      [id],
    );
    return rowCount === 0;
  });
}

async function withPostgres<T>(
  { url }: DrillRegionPart,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: commandMs,
    query_timeout: commandMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
