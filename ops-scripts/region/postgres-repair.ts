// Rebuilds a lost standby or replica as a follower of the present primary, and makes the standby synchronous again.

import { withPostgres } from '../local/postgres.ts';
import { waitUntil } from '../local/wait-until.ts';
import { answersConnections, isInRecovery, readFollower, readFollowers } from './postgres-health.ts';
import {
  applicationName,
  cloneMember,
  fenceMember,
  follow,
  type PostgresMember,
  setSynchronousStandby,
  startMember,
} from './postgres-member.ts';

export interface Topology {
  primary: PostgresMember;
  standby: PostgresMember;
  replica: PostgresMember;
}

interface RepairOptions {
  topology: Topology;
  /** Whether it has to be copied anew, because its data may not be an earlier state of the primary's. */
  mustClone: boolean;
  signal: AbortSignal;
  onStarted: (member: PostgresMember) => void;
}

const ownDataMs = 8_000;

/** Returns when the standby has every acknowledged write and the primary waits for it. */
export async function repairStandby(options: RepairOptions): Promise<void> {
  const { primary, standby, replica } = options.topology;
  await runAsFollower(standby, primary, options);
  // This comes before the primary waits for its standby, because a replica of the primary itself could be ahead of the
  // standby.
  await moveReplica(primary, standby, replica);
  await bringInSync(primary, standby, options.signal);
}

/** Returns when the replica streams from the standby. */
export async function repairReplica(options: RepairOptions): Promise<void> {
  const { standby, replica } = options.topology;
  await runAsFollower(replica, standby, options);
}

async function runAsFollower(
  member: PostgresMember,
  upstream: PostgresMember,
  options: RepairOptions,
): Promise<void> {
  if (!options.mustClone) {
    try {
      await continueOnOwnData(member, upstream, options);
      return;
    } catch {
      options.signal.throwIfAborted();
    }
  }
  options.signal.throwIfAborted();
  await cloneMember(member, options.topology.primary, upstream);
  options.signal.throwIfAborted();
  await start(member, options);
  await waitForStream(member, upstream, options.signal, 20_000);
}

async function continueOnOwnData(
  member: PostgresMember,
  upstream: PostgresMember,
  options: RepairOptions,
): Promise<void> {
  const stands =
    member.server !== undefined && !member.server.hasExited() && (await answersConnections(member));
  if (!stands) {
    await fenceMember(member);
    await start(member, options);
  }
  if ((await isInRecovery(member)) !== true) throw new Error(`${member.name} is no standby`);
  await follow(member, upstream);
  await waitForStream(member, upstream, options.signal, ownDataMs);
}

async function start(member: PostgresMember, options: RepairOptions): Promise<void> {
  await startMember(member, options.signal);
  options.onStarted(member);
}

async function waitForStream(
  member: PostgresMember,
  upstream: PostgresMember,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<void> {
  await waitUntil(async () => (await readFollower(upstream, member))?.streaming === true, {
    what: `${member.name} to stream from ${upstream.name}`,
    deadlineMs,
    everyMs: 100,
    signal,
    hopeless: () => (member.server?.hasExited() === true ? `${member.name} ended` : undefined),
  });
}

async function moveReplica(
  primary: PostgresMember,
  standby: PostgresMember,
  replica: PostgresMember,
): Promise<void> {
  if (replica.server === undefined || replica.server.hasExited()) return;
  await follow(replica, standby);
  await waitUntil(
    async () => {
      const followers = await readFollowers(primary);
      return followers !== undefined && !followers.has(applicationName(replica));
    },
    { what: `${replica.name} to leave ${primary.name}`, deadlineMs: 10_000, everyMs: 100 },
  ).catch(async () => {
    // The replica does not follow. It must not stay ahead of the standby, so it is ended and repaired later.
    await fenceMember(replica);
  });
}

/**
 * Makes `primary` wait for `standby`. Returns when everything acknowledged until now is on the standby as well, which a
 * failover requires.
 * @throws if the standby does not get there within `deadlineMs`
 */
async function bringInSync(
  primary: PostgresMember,
  standby: PostgresMember,
  signal: AbortSignal,
  deadlineMs = 20_000,
): Promise<void> {
  const wait = (what: string, attempt: () => Promise<boolean>) =>
    waitUntil(attempt, { what, deadlineMs, everyMs: 100, signal });
  await wait(`${standby.name} to stream`, async () => {
    const state = await readFollower(primary, standby);
    // Close enough that writes hardly wait while it catches up.
    return state?.streaming === true && state.behindBytes < 1_000_000;
  });
  await setSynchronousStandby(primary, standby);
  await wait(`${primary.name} to wait for ${standby.name}`, async () => {
    return (await readFollower(primary, standby))?.synchronous === true;
  });
  await waitForEverything(primary, standby, deadlineMs);
}

/**
 * Waits until the standby has everything. Every session uses the setting once the checkpointer has read it, which it
 * does before it begins a requested checkpoint.
 * Writes that were acknowledged earlier, without the standby, are before the present end of the log. They must have
 * arrived too.
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
