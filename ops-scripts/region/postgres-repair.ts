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
  /** Its data can't be trusted to be a past of the primary's: it is copied anew. */
  mustClone: boolean;
  signal: AbortSignal;
  onStarted: (member: PostgresMember) => void;
}

const ownDataMs = 8_000;

/** Returns when the standby holds every acknowledged write and the primary waits for it. */
export async function repairStandby(options: RepairOptions): Promise<void> {
  const { primary, standby, replica } = options.topology;
  await runAsFollower(standby, primary, options);
  // Before the primary begins to rely on its standby: a replica fed by the primary itself could be ahead of it.
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
    // It does not listen: it must not stay ahead of the standby, so it ends and is repaired in its turn.
    await fenceMember(replica);
  });
}

/**
 * Makes the standby synchronous: whether it certainly holds every acknowledged write, which failover
 * requires. Makes `primary` wait for `standby`, and returns when everything acknowledged until now is on it
 * as well.
 * @throws if the standby does not get there within `deadlineMs`.
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
