// One Redis server of the region: its fixed folder and port, and the server that it follows, set at each start.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreServer } from '../local/part.ts';
import { endProcessesIn } from '../local/processes.ts';
import { startRedisServer, withRedis } from '../local/redis.ts';

export interface RedisMember {
  name: string;
  zone: string;
  port: number;
  folder: string;
  logFile: string;
  toolsFolder: string;
  password: string;
  url: string;
  /** The process that stands, or stood last. */
  server: StoreServer | undefined;
}

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

/** On its own data, as a primary or as the replica of `primary`. */
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

/** Dead when this returns. */
export async function fenceRedisMember(member: RedisMember): Promise<void> {
  if (member.server !== undefined && !member.server.hasExited()) {
    process.kill(member.server.pid, 'SIGKILL');
    await member.server.exited;
  }
  await endProcessesIn(member.folder);
}

/** What an old primary has beyond the new one's data must not come back. */
export async function forgetRedisData(member: RedisMember): Promise<void> {
  await rm(member.folder, { recursive: true, force: true });
}

export interface ReplicationState {
  role: 'master' | 'slave';
  /** A replica that has all of its primary's data and receives what is new. */
  linked: boolean;
  /** Its data is being replaced, so that it may lack everything. */
  syncing: boolean;
}

/** @returns undefined where it does not answer within 1 s. */
export async function readReplication(member: RedisMember): Promise<ReplicationState | undefined> {
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
