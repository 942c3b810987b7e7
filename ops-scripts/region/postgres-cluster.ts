// Three Postgres servers in three zones: primary, synchronous standby and read replica. Roles move, addresses stay.
import { setTimeout as sleep } from 'node:timers/promises';
import { decideFailover, listenForSilence, startRepairs, type WriterEndpoint } from './failover.ts';
import { answersConnections, isInRecovery, promote, readFollowers } from './postgres-health.ts';
import {
  applicationName,
  fenceMember,
  type PostgresMember,
  setSynchronousStandby,
  startMember,
} from './postgres-member.ts';
import { repairReplica, repairStandby, type Topology } from './postgres-repair.ts';

export interface PostgresClusterOptions {
  topology: Topology;
  endpoint: WriterEndpoint;
  onEvent: (sentence: string) => void;
  /** A process stands, the role of its member being known. */
  onStarted: (member: PostgresMember) => void;
}

export interface PostgresCluster {
  topology(): Topology;
  standbyInSync(): boolean;
  /** Resolves when standby and replica stream and the standby is in sync. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

const lookEveryMs = 250;
const silentMs = 2_000;

/** The primary must stand already, and the endpoint lead to it; standby and replica are made by this. */
export function startPostgresCluster(options: PostgresClusterOptions): PostgresCluster {
  const { endpoint, onEvent, onStarted } = options;
  const stopping = new AbortController();
  let topology = options.topology;
  let inSync = false;
  let standbyMustClone = true;
  let replicaMustClone = true;

  const repairs = startRepairs<'standby' | 'replica'>(onEvent);
  const repairOptions = (mustClone: boolean, signal: AbortSignal) => ({
    topology,
    mustClone,
    signal: AbortSignal.any([signal, stopping.signal]),
    onStarted,
  });

  const mendStandby = () =>
    repairs.begin('standby', async (signal) => {
      const mustClone = standbyMustClone;
      standbyMustClone = true;
      await repairStandby(repairOptions(mustClone, signal));
      standbyMustClone = false;
      inSync = true;
      onEvent(`${topology.standby.name} is in sync`);
    });
  const mendReplica = () =>
    repairs.begin('replica', async (signal) => {
      const mustClone = replicaMustClone;
      replicaMustClone = true;
      await repairReplica(repairOptions(mustClone, signal));
      replicaMustClone = false;
    });

  const takeOutStandby = async (why: string) => {
    // Recorded before the change: from here on the standby may miss acknowledged writes.
    inSync = false;
    await setSynchronousStandby(topology.primary, undefined);
    onEvent(`${topology.standby.name} ${why}: writes no longer wait for it`);
    mendStandby();
  };

  const lookAfterStandby = async (followers: Awaited<ReturnType<typeof readFollowers>>) => {
    if (repairs.isUnderWay('standby')) return;
    const state = followers?.get(applicationName(topology.standby));
    if (hasEnded(topology.standby)) await takeOutStandby('is gone');
    else if (followers !== undefined && (state?.streaming !== true || state.silentMs > silentMs))
      await takeOutStandby('is silent');
    else if (await isSilent(topology.standby)) await takeOutStandby('does not answer');
    else if (!inSync) mendStandby();
  };

  const lookAfterReplica = async () => {
    if (repairs.isUnderWay('replica') || repairs.isUnderWay('standby') || !inSync) return;
    const followers = await readFollowers(topology.standby);
    const streams = followers?.get(applicationName(topology.replica))?.streaming === true;
    if (
      hasEnded(topology.replica) ||
      (followers !== undefined && !streams) ||
      (await isSilent(topology.replica))
    ) {
      mendReplica();
    }
  };

  const failOver = async (why: string) => {
    const { primary, standby, replica } = topology;
    const successorInSync = inSync;
    onEvent(`${primary.name} ${why}`);
    await fenceMember(primary);
    await repairs.abandon();
    await endpoint.pointTo(undefined);
    const successorAnswers = (await isInRecovery(standby)) === true;
    inSync = false;
    if (decideFailover({ successorAnswers, successorInSync }) === 'promote') {
      try {
        await promote(standby);
        topology = { primary: standby, standby: primary, replica };
        standbyMustClone = true;
        await endpoint.pointTo(standby.name);
        onEvent(`${standby.name} is the primary now`);
        mendStandby();
        return;
      } catch (error) {
        // Half promoted is no standby any more, and took no writes: it begins anew.
        onEvent(`${standby.name} could not be promoted (${String(error)})`);
        await fenceMember(standby);
        standbyMustClone = true;
      }
    }
    await restartPrimary();
  };

  const restartPrimary = async () => {
    const { primary } = topology;
    await setSynchronousStandby(primary, undefined);
    await startMember(primary, stopping.signal);
    onStarted(primary);
    await endpoint.pointTo(primary.name);
    onEvent(`${primary.name} was started again on its own data`);
    mendStandby();
  };

  const watch = async () => {
    const silence = listenForSilence(stopping.signal);
    while (!stopping.signal.aborted) {
      const { primary } = topology;
      const ended = () => primary.server?.exited ?? Promise.resolve();
      const followers = hasEnded(primary)
        ? undefined
        : await Promise.race([lookAt(primary), ended().then(() => undefined)]);
      if (stopping.signal.aborted) return;
      if (followers !== undefined) silence.answered();
      try {
        const silent = followers === undefined && silence.unanswered(primary.server);
        if (hasEnded(primary) || silent) {
          await failOver(hasEnded(primary) ? 'is gone' : 'is silent');
          silence.answered();
        } else {
          await lookAfterStandby(followers);
          await lookAfterReplica();
        }
      } catch (error) {
        if (stopping.signal.aborted) return;
        onEvent(`Postgres: ${error instanceof Error ? error.message : error}`);
        await sleep(1_000);
      }
      const pause = sleep(lookEveryMs, undefined, { signal: stopping.signal }).catch(() => {});
      await Promise.race([pause, hasEnded(topology.primary) ? pause : topology.primary.server?.exited]);
    }
  };

  mendStandby();
  const watching = watch();
  return {
    topology: () => topology,
    standbyInSync: () => inSync,
    whole: async () => {
      while (!(inSync && !replicaMustClone)) {
        stopping.signal.throwIfAborted();
        await sleep(50);
      }
    },
    stop: async () => {
      stopping.abort(new Error('stopping'));
      // A region's data ends with it: nothing is gained by an orderly shutdown, and no question waits for the dead.
      const fenceAll = () => Promise.all(Object.values(topology).map((member) => fenceMember(member)));
      await fenceAll();
      await Promise.all([watching, repairs.abandon()]);
      await repairs.abandon();
      await fenceAll();
    },
  };
}

/** @returns undefined where its sessions or its postmaster do not answer: either may stand still alone. */
async function lookAt(primary: PostgresMember): Promise<Awaited<ReturnType<typeof readFollowers>>> {
  const [followers, takesConnections] = await Promise.all([
    readFollowers(primary),
    answersConnections(primary),
  ]);
  return takesConnections ? followers : undefined;
}

function hasEnded(member: PostgresMember): boolean {
  return member.server === undefined || member.server.hasExited();
}

/** Asked twice, so that one slow answer is no loss. */
async function isSilent(member: PostgresMember): Promise<boolean> {
  return !(await answersConnections(member)) && !(await answersConnections(member));
}
