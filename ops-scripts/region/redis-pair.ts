// Two Redis servers in two zones: a primary and a replica that takes over. Roles move, addresses stay.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreServer } from '../local/part.ts';
import { endProcessesIn } from '../local/processes.ts';
import { startRedisServer, withRedis } from '../local/redis.ts';
import { waitUntil } from '../local/wait-until.ts';
import {
  decideFailover,
  endStore,
  hasEnded,
  startRepairs,
  untilTrue,
  type WriterEndpoint,
  watchPrimary,
} from './failover.ts';

export interface RedisPairOptions {
  /** The primary, which runs already and to which the endpoint leads. */
  primary: RedisMember;
  /** The replica, which this starts. */
  replica: RedisMember;
  endpoint: WriterEndpoint;
  onEvent: (sentence: string) => void;
  onStarted: (member: RedisMember) => void;
}

export interface RedisPair {
  primary(): RedisMember;
  replica(): RedisMember;
  replicaInSync(): boolean;
  /** Resolves when the replica follows. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

const silentMs = 2_000;

export function startRedisPair(options: RedisPairOptions): RedisPair {
  const { endpoint, onEvent, onStarted } = options;
  const stopping = new AbortController();
  let { primary, replica } = options;
  let inSync = false;

  const repairs = startRepairs<'Redis replica'>(onEvent);
  const mendReplica = () =>
    repairs.begin('Redis replica', async (signal) => {
      await copyAnew(replica, primary, AbortSignal.any([signal, stopping.signal]), onStarted);
    });

  let replicaHeardAt = performance.now();
  const lookAfterReplica = async () => {
    if (repairs.isUnderWay('Redis replica')) return;
    const state = await readReplication(replica);
    const follows = state?.linked === true && !state.syncing;
    if (follows !== inSync) onEvent(`${replica.name} ${follows ? 'is in sync' : 'is out of sync'}`);
    inSync = follows;
    if (state !== undefined) replicaHeardAt = performance.now();
    const silent = performance.now() - replicaHeardAt > silentMs;
    if (hasEnded(replica) || silent || state?.role === 'master') {
      replicaHeardAt = performance.now();
      mendReplica();
    }
  };

  const failOver = async (why: string) => {
    const successorInSync = inSync;
    onEvent(`${primary.name} ${why}`);
    await fenceRedisMember(primary);
    await repairs.abandon();
    await endpoint.pointTo(undefined);
    const state = await readReplication(replica);
    const successorAnswers = state !== undefined && !state.syncing;
    inSync = false;
    if (decideFailover({ successorAnswers, successorInSync }) === 'promote') {
      await withRedis(replica.url, (redis) => redis.replicaof('NO', 'ONE'));
      [primary, replica] = [replica, primary];
      onEvent(`${primary.name} is the primary now`);
      mendReplica();
    } else {
      await startRedisMember(primary, undefined, stopping.signal);
      onStarted(primary);
      onEvent(`${primary.name} was started again on its own data`);
    }
    await endpoint.pointTo(primary.name);
  };

  mendReplica();
  const watching = watchPrimary({
    store: 'Redis',
    onEvent,
    ended: stopping.signal,
    primary: () => primary,
    lookAtPrimary: () => readReplication(primary),
    failOver,
    lookAfterFollowers: async (seen) => {
      if (seen !== undefined) await lookAfterReplica();
    },
  });
  return {
    primary: () => primary,
    replica: () => replica,
    replicaInSync: () => inSync,
    whole: () => untilTrue(() => inSync, stopping.signal),
    stop: () =>
      endStore({
        stopping,
        watching,
        repairs,
        fenceAll: () => Promise.all([primary, replica].map((member) => fenceRedisMember(member))),
      }),
  };
}

/** Makes the replica forget its data and copy everything from the primary. Returns when it follows. */
async function copyAnew(
  replica: RedisMember,
  primary: RedisMember,
  signal: AbortSignal,
  onStarted: (member: RedisMember) => void,
): Promise<void> {
  await fenceRedisMember(replica);
  await forgetRedisData(replica);
  await startRedisMember(replica, primary, signal);
  onStarted(replica);
  await waitUntil(async () => (await readReplication(replica))?.linked === true, {
    what: `${replica.name} to follow ${primary.name}`,
    deadlineMs: 20_000,
    signal,
  });
}

export interface RedisMember {
  name: string;
  zone: string;
  port: number;
  folder: string;
  logFile: string;
  toolsFolder: string;
  password: string;
  url: string;
  /** The running process, or the last one. */
  server: StoreServer | undefined;
}

/** One Redis server of the region: its fixed folder and port. The server that it follows is set at each start. */
export function describeRedisMember(
  place: Pick<RedisMember, 'name' | 'zone' | 'port' | 'password' | 'toolsFolder'> & { regionFolder: string },
): RedisMember {
  const { regionFolder, ...rest } = place;
  return {
    ...rest,
    folder: join(regionFolder, place.name),
    logFile: join(regionFolder, 'logs', `${place.name}.log`),
    url: `redis://:${place.password}@127.0.0.1:${place.port}`,
    server: undefined,
  };
}

/** Starts the server on its own data, as a primary or as the replica of `primary`. */
export async function startRedisMember(
  member: RedisMember,
  primary: RedisMember | undefined,
  signal?: AbortSignal,
): Promise<void> {
  member.server = await startRedisServer({
    ...member,
    signal,
    settings: {
      masterauth: member.password,
      'repl-ping-replica-period': '1',
      'repl-timeout': '10',
      ...(primary === undefined ? {} : { replicaof: `127.0.0.1 ${primary.port}` }),
    },
  });
}

/** Kills the server. It is dead when this resolves. */
async function fenceRedisMember(member: RedisMember): Promise<void> {
  if (member.server !== undefined && !member.server.hasExited()) {
    process.kill(member.server.pid, 'SIGKILL');
    await member.server.exited;
  }
  await endProcessesIn(member.folder);
}

/** Deletes the data of an old primary, because writes that the new primary lacks must not come back. */
async function forgetRedisData(member: RedisMember): Promise<void> {
  await rm(member.folder, { recursive: true, force: true });
}

export interface ReplicationState {
  role: 'master' | 'slave';
  /** Whether it has all of its primary's data and receives new writes. */
  linked: boolean;
  /** Whether its data is being replaced, so that it may lack everything. */
  syncing: boolean;
}

/** @returns undefined if it does not answer within 1 s */
async function readReplication(member: RedisMember): Promise<ReplicationState | undefined> {
  try {
    const info = await withRedis(member.url, (redis) => redis.info('replication'));
    const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
    return {
      role: field('role') === 'master' ? 'master' : 'slave',
      linked: field('master_link_status') === 'up',
      syncing: field('master_sync_in_progress') === '1',
    };
  } catch {
    return undefined;
  }
}
