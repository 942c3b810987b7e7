// After a restore: begins a new lineage of the database, tells every process, and waits until no cache shows what came
// before.
import { setTimeout as delay } from 'node:timers/promises';
import { announceNewLineage } from '../../origin/invalidation/lineage-watch.ts';
import { createProbe } from '../../origin/postgres/replicas/wal-position.ts';
import { databaseUrlOf, openDatabase, openRedis } from '../connect-stores.ts';

export interface ToldRestore {
  lineage: string;
  /** Resolves when every process knows it, and no edge trusts what it learnt before. */
  known: Promise<void>;
}

const usualLeaseSeconds = 3;
/** From the new lineage until the last renewal of an edge that names the old one. */
const learnMs = { throughRedis: 1_000, throughPostgres: 3_000 };

export async function tellRestored(env: NodeJS.ProcessEnv): Promise<ToldRestore> {
  await using database = await openDatabase(env);
  const redis = await openRedis(env).catch((error: Error) => {
    console.error(`${error.message}. Processes learn of the restore from Postgres instead`);
    return undefined;
  });
  const probe = createProbe({ url: databaseUrlOf(env)!, name: 'ops', timeoutMs: 3_000 });
  try {
    const lineage = await announceNewLineage(database.db, probe, redis);
    const leaseMs = Number(env['EDGE_LEASE_SECONDS'] || usualLeaseSeconds) * 1_000;
    return { lineage, known: delay(leaseMs + learnMs[redis ? 'throughRedis' : 'throughPostgres']) };
  } finally {
    probe.close();
    redis?.disconnect();
  }
}
