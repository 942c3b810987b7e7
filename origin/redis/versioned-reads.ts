// Reads keys from Redis, each with the run id of the server process that answered, for one server or a cluster.
import { Cluster, type Redis } from 'ioredis';
import { RedisAway, type RedisClient } from './connect.ts';
import { askForTopology, groupByPrimary, nameOf } from './servers.ts';

interface VersionedRead {
  value: string | null;
  /** Undefined where it is not known which process answered. */
  runId: string | undefined;
}

export interface VersionedReads {
  /**
   * Reads keys with one request to each server, and returns them in the order of the keys.
   * @throws where a server does not answer or no longer holds the key
   */
  read(keys: string[]): Promise<VersionedRead[]>;
  /** The run id of the process to which a change of the key would go. */
  runIdOf(key: string): string | undefined;
}

/** One for each connection, so that it asks its server for the run id only once. */
const opened = new WeakMap<RedisClient, VersionedReads>();

/** @param server for tests; overrides what a single server tells about itself */
export function createVersionedReads(redis: RedisClient, server?: RunId): VersionedReads {
  if (server !== undefined && !(redis instanceof Cluster)) return ofServer(redis, server);
  const known = opened.get(redis);
  if (known !== undefined) return known;
  const reads = redis instanceof Cluster ? ofCluster(redis) : ofServer(redis, trackRunId(redis));
  opened.set(redis, reads);
  return reads;
}

function ofServer(redis: Redis, server: RunId): VersionedReads {
  return {
    async read(keys) {
      const values = await readAsPrimary(redis, keys);
      const runId = server.current();
      return values.map((value) => ({ value, runId }));
    },
    runIdOf: () => server.current(),
  };
}

/**
 * Reads keys only from a primary. A primary that became a replica keeps its connections, and its data may be old.
 * GETEX without an option only reads, but it counts as a write: a replica refuses it, and the connection is closed. A
 * server that refuses it for lack of disk or replicas is still the primary.
 */
async function readAsPrimary(redis: Redis, keys: string[]): Promise<(string | null)[]> {
  const [first, ...others] = keys;
  if (first === undefined) return [];
  const pipeline = redis.pipeline().call('getex', first);
  if (others.length > 0) pipeline.mget(others);
  const answers = (await pipeline.exec()) ?? [];
  const refused = answers.find(([error]) => error !== null)?.[0];
  if (refused && /^(MISCONF|NOREPLICAS)/.test(refused.message)) return redis.mget(keys);
  if (refused) throw refused;
  const [one, rest] = answers.map(([, value]) => value);
  return [one as string | null, ...((rest ?? []) as (string | null)[])];
}

function ofCluster(cluster: Cluster): VersionedReads {
  const runIdOf = trackServers(cluster);
  return {
    async read(keys) {
      const reads = new Map<string, VersionedRead>();
      const groups = groupByPrimary(cluster, keys, (key) => key);
      await Promise.all(
        [...groups].map(async ([server, held]) => {
          if (server === undefined)
            throw new RedisAway(`Cannot tell which server of the cluster holds '${held[0]}'`);
          for (const [key, value] of await readFrom(cluster, server, held)) {
            reads.set(key, { value, runId: runIdOf(server) });
          }
        }),
      );
      return keys.map((key) => reads.get(key)!);
    },
    runIdOf(key) {
      const [server] = groupByPrimary(cluster, [key], (only) => only).keys();
      return server && runIdOf(server);
    },
  };
}

/** Sends no redirected requests, because another server's answer would be compared with the wrong run id. */
async function readFrom(cluster: Cluster, server: Redis, keys: string[]): Promise<[string, string | null][]> {
  const pipeline = server.pipeline();
  for (const key of keys) pipeline.get(key);
  const answers = (await pipeline.exec()) ?? [];
  return keys.map((key, index) => {
    const [error, value] = answers[index] ?? [new Error('The pipeline was not answered'), undefined];
    if (error !== null) {
      askForTopology(cluster);
      throw error;
    }
    return [key, value as string | null];
  });
}

/**
 * A server that was silent may have been replaced without knowing it yet. After a broken connection, the next one is
 * believed only once the cluster has had time to tell the server.
 */
const restMs = 2_000;

function trackServers(cluster: Cluster): (server: Redis) => string | undefined {
  const runIds = new WeakMap<Redis, RunId>();
  const known = new Set<string>();
  const track = (server: Redis) => {
    const name = nameOf(server);
    runIds.set(server, trackRunId(server, known.has(name) ? restMs : 0));
    known.add(name);
  };
  for (const server of cluster.nodes('all')) track(server);
  cluster.on('+node', track);
  // A primary that became a replica may become a primary again. Its connection is closed, so that it must tell its
  // run id anew.
  const leaveDemoted = setInterval(() => {
    for (const server of cluster.nodes('slave')) if (server.status === 'ready') server.disconnect();
  }, 1_000).unref();
  cluster.once('end', () => clearInterval(leaveDemoted));
  return (server) => runIds.get(server)?.current();
}

// Tracks which Redis server process a connection reaches. Floors carry this run id, so that after FLUSHALL, restart
// or failover they are unknown rather than old.

export interface RunId {
  /** Undefined while not connected, and until the server has answered. */
  current(): string | undefined;
}

/** @param restMs how long after each connect the run id stays unknown */
export function trackRunId(redis: Redis, restMs = 0): RunId {
  let runId: string | undefined;
  let connection = 0;
  const learn = async () => {
    const asked = connection;
    const info = await redis.info().catch(() => '');
    const answered = identityIn(info);
    if (asked !== connection) return;
    runId = answered;
    // A server that is still loading may be ready before it answers INFO. It is asked again while this connection
    // lasts.
    if (answered === undefined && redis.status === 'ready') setTimeout(learn, 100).unref();
  };
  const begin = () => {
    if (restMs === 0) return void learn();
    const asked = connection;
    setTimeout(() => asked === connection && learn(), restMs).unref();
  };
  redis.on('ready', begin);
  redis.on('close', () => {
    connection += 1;
    runId = undefined;
  });
  if (redis.status === 'ready') begin();
  return { current: () => runId };
}

/**
 * The run id names the process. The replication id is new each time that a replica takes over, even if it was a
 * primary before.
 */
function identityIn(info: string): string | undefined {
  const runId = /run_id:(\w+)/.exec(info)?.[1];
  const replicationId = /master_replid:(\w+)/.exec(info)?.[1];
  return runId && replicationId && `${runId}.${replicationId}`;
}
