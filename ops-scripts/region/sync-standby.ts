// Makes the standby synchronous: whether it certainly holds every acknowledged write, which failover requires.
import { withPostgres } from '../local/postgres.ts';
import { waitUntil } from '../local/wait-until.ts';
import { readFollower } from './postgres-health.ts';
import { applicationName, type PostgresMember, setSynchronousStandby } from './postgres-member.ts';

/**
 * Makes `primary` wait for `standby`, and returns when everything acknowledged until now is on it as well.
 * @throws if the standby does not get there within `deadlineMs`.
 */
export async function bringInSync(
  primary: PostgresMember,
  standby: PostgresMember,
  signal: AbortSignal,
  deadlineMs = 20_000,
): Promise<void> {
  const wait = (what: string, attempt: () => Promise<boolean>) =>
    waitUntil(attempt, { what, deadlineMs, everyMs: 100, signal });
  await wait(`${standby.name} to stream`, async () => {
    const state = await readFollower(primary, standby);
    // Close enough that writes do not stand still while it catches up.
    return state?.streaming === true && state.behindBytes < 1_000_000;
  });
  await setSynchronousStandby(primary, standby);
  await wait(`${primary.name} to wait for ${standby.name}`, async () => {
    return (await readFollower(primary, standby))?.synchronous === true;
  });
  await waitForEverything(primary, standby, deadlineMs);
}

/**
 * The setting holds for every session once the checkpointer has read it, and it reads before it begins a checkpoint
 * that was asked for.
 * What was acknowledged before that, without the standby, lies before the log's end now: that too must have arrived.
 */
async function waitForEverything(
  primary: PostgresMember,
  standby: PostgresMember,
  deadlineMs: number,
): Promise<void> {
  await withPostgres(
    primary.url,
    async (client) => {
      await client.query('checkpoint');
      const end = (await client.query('select pg_current_wal_flush_lsn() as lsn')).rows[0].lsn;
      await waitUntil(
        async () => {
          const { rows } = await client.query(
            'select flush_lsn >= $2::pg_lsn as there from pg_stat_replication where application_name = $1',
            [applicationName(standby), end],
          );
          return rows.some((row) => row.there);
        },
        { what: `${standby.name} to have everything`, deadlineMs, everyMs: 100 },
      );
    },
    deadlineMs,
  );
}
