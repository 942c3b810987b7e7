// Three Postgres servers in three zones: primary, synchronous standby and read replica. Roles move, addresses stay.
import {
  decideFailover,
  endStore,
  hasEnded,
  type Repairs,
  startRepairs,
  untilTrue,
  type WriterEndpoint,
  watchPrimary,
} from './failover.ts';
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
  /** Called when a process runs and the role of its member is known. */
  onStarted: (member: PostgresMember) => void;
}

export interface PostgresCluster {
  topology(): Topology;
  standbyInSync(): boolean;
  /** Resolves when standby and replica stream and the standby is in sync. */
  whole(): Promise<void>;
  /**
   * Replaces the primary's data by `prepare`. Meanwhile the endpoint leads to nobody. Its followers are built again.
   * @param prepare makes it another primary
   */
  restore(prepare: (primary: PostgresMember) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const silentMs = 2_000;

/** The primary must run already, and the endpoint must lead to it. This builds standby and replica. */
export function startPostgresCluster(options: PostgresClusterOptions): PostgresCluster {
  return new ReplicatedPostgres(options);
}

class ReplicatedPostgres implements PostgresCluster {
  readonly #options: PostgresClusterOptions;
  readonly #stopping = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  readonly #repairs: Repairs<'standby' | 'replica'>;
  readonly #watching: Promise<void>;
  #topology: Topology;
  #inSync = false;
  #standbyMustClone = true;
  #replicaMustClone = true;

  constructor(options: PostgresClusterOptions) {
    this.#options = options;
    this.#topology = options.topology;
    this.#repairs = startRepairs(options.onEvent);
    this.#mendStandby();
    this.#watching = watchPrimary({
      store: 'Postgres',
      onEvent: options.onEvent,
      ended: this.#stopping.signal,
      primary: () => this.#topology.primary,
      lookAtPrimary: () => lookAt(this.#topology.primary),
      failOver: (why) => this.#failOver(why),
      inTurn: (work) => this.#inTurn(work),
      lookAfterFollowers: async (followers) => {
        await this.#lookAfterStandby(followers);
        await this.#lookAfterReplica();
      },
    });
  }

  topology(): Topology {
    return this.#topology;
  }

  standbyInSync(): boolean {
    return this.#inSync;
  }

  whole(): Promise<void> {
    return untilTrue(() => this.#inSync && !this.#replicaMustClone, this.#stopping.signal);
  }

  restore(prepare: (primary: PostgresMember) => Promise<void>): Promise<void> {
    return this.#inTurn(() => this.#restore(prepare));
  }

  stop(): Promise<void> {
    return endStore({
      stopping: this.#stopping,
      watching: this.#watching,
      repairs: this.#repairs,
      fenceAll: () => Promise.all(Object.values(this.#topology).map((member) => fenceMember(member))),
    });
  }

  /** Runs work one after another, so that a restore never meets the watch. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #restore(prepare: (primary: PostgresMember) => Promise<void>): Promise<void> {
    const { endpoint, onEvent, onStarted } = this.#options;
    const { primary, standby, replica } = this.#topology;
    await this.#repairs.abandon();
    await endpoint.pointTo(undefined);
    this.#inSync = false;
    this.#standbyMustClone = true;
    this.#replicaMustClone = true;
    for (const member of [replica, standby, primary]) await fenceMember(member);
    await prepare(primary);
    onStarted(primary);
    await endpoint.pointTo(primary.name);
    onEvent(`${primary.name} was restored`);
    this.#mendStandby();
  }

  #repairOptions(mustClone: boolean, signal: AbortSignal) {
    return {
      topology: this.#topology,
      mustClone,
      signal: AbortSignal.any([signal, this.#stopping.signal]),
      onStarted: this.#options.onStarted,
    };
  }

  #mendStandby(): void {
    this.#repairs.begin('standby', async (signal) => {
      const mustClone = this.#standbyMustClone;
      this.#standbyMustClone = true;
      await repairStandby(this.#repairOptions(mustClone, signal));
      this.#standbyMustClone = false;
      this.#inSync = true;
      this.#options.onEvent(`${this.#topology.standby.name} is in sync`);
    });
  }

  #mendReplica(): void {
    this.#repairs.begin('replica', async (signal) => {
      const mustClone = this.#replicaMustClone;
      this.#replicaMustClone = true;
      await repairReplica(this.#repairOptions(mustClone, signal));
      this.#replicaMustClone = false;
    });
  }

  async #takeOutStandby(why: string): Promise<void> {
    const { primary, standby } = this.#topology;
    // Recorded before the change, because the standby may miss acknowledged writes from here on.
    this.#inSync = false;
    await setSynchronousStandby(primary, undefined);
    this.#options.onEvent(`${standby.name} ${why}: writes no longer wait for it`);
    this.#mendStandby();
  }

  async #lookAfterStandby(followers: Followers): Promise<void> {
    if (this.#repairs.isUnderWay('standby')) return;
    const { standby } = this.#topology;
    const state = followers?.get(applicationName(standby));
    if (hasEnded(standby)) await this.#takeOutStandby('is gone');
    else if (followers !== undefined && (state?.streaming !== true || state.silentMs > silentMs))
      await this.#takeOutStandby('is silent');
    else if (await isSilent(standby)) await this.#takeOutStandby('does not answer');
    else if (!this.#inSync) this.#mendStandby();
  }

  async #lookAfterReplica(): Promise<void> {
    const repairs = this.#repairs;
    if (repairs.isUnderWay('replica') || repairs.isUnderWay('standby') || !this.#inSync) return;
    const { standby, replica } = this.#topology;
    const followers = await readFollowers(standby);
    const streams = followers?.get(applicationName(replica))?.streaming === true;
    if (hasEnded(replica) || (followers !== undefined && !streams) || (await isSilent(replica)))
      this.#mendReplica();
  }

  async #failOver(why: string): Promise<void> {
    const { endpoint, onEvent } = this.#options;
    const { primary, standby } = this.#topology;
    const successorInSync = this.#inSync;
    onEvent(`${primary.name} ${why}`);
    await fenceMember(primary);
    await this.#repairs.abandon();
    await endpoint.pointTo(undefined);
    const successorAnswers = (await isInRecovery(standby)) === true;
    this.#inSync = false;
    if (decideFailover({ successorAnswers, successorInSync }) === 'promote') {
      try {
        await this.#promoteStandby();
        return;
      } catch (error) {
        // A standby that was promoted halfway is no standby any more. It accepted no writes, so it begins anew.
        onEvent(`${standby.name} could not be promoted (${String(error)})`);
        await fenceMember(standby);
        this.#standbyMustClone = true;
      }
    }
    await this.#restartPrimary();
  }

  async #promoteStandby(): Promise<void> {
    const { primary, standby, replica } = this.#topology;
    await promote(standby);
    this.#topology = { primary: standby, standby: primary, replica };
    this.#standbyMustClone = true;
    await this.#options.endpoint.pointTo(standby.name);
    this.#options.onEvent(`${standby.name} is the primary now`);
    this.#mendStandby();
  }

  async #restartPrimary(): Promise<void> {
    const { endpoint, onEvent, onStarted } = this.#options;
    const { primary } = this.#topology;
    await setSynchronousStandby(primary, undefined);
    await startMember(primary, this.#stopping.signal);
    onStarted(primary);
    await endpoint.pointTo(primary.name);
    onEvent(`${primary.name} was started again on its own data`);
    this.#mendStandby();
  }
}

type Followers = Awaited<ReturnType<typeof readFollowers>>;

/** @returns undefined if its sessions or its postmaster do not answer, because either may hang alone */
async function lookAt(primary: PostgresMember): Promise<Followers> {
  const [followers, takesConnections] = await Promise.all([
    readFollowers(primary),
    answersConnections(primary),
  ]);
  return takesConnections ? followers : undefined;
}

/** Asks twice, so that one slow answer does not count as a loss. */
async function isSilent(member: PostgresMember): Promise<boolean> {
  return !(await answersConnections(member)) && !(await answersConnections(member));
}
