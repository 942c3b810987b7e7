// Connects to Redis, one server or a cluster. The request path fails fast: no offline queue, one retry, a deadline for
// each command.
import { Cluster, type ClusterOptions, Redis } from 'ioredis';

/** Both answer the same commands; of a cluster, each command's keys must stand in one slot. */
export type RedisClient = Redis | Cluster;

interface RedisOptions {
  /** One: that server. Several: seed nodes of a cluster; user and password are the first one's. */
  urls: string[];
  name: string;
  commandTimeoutMs?: number;
  /** False: what a broken connection left open is refused, never sent again on another. */
  resend?: boolean;
  onError?: (error: Error) => void;
}

const connectTimeoutMs = 1_000;
/** Of a connection whose commands may wait in the server for ten seconds. */
const patientSilenceMs = 30_000;
const backoffMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000);

/**
 * For the request path. Commands may be sent twice after a reconnect, so data changes only through scripts that know
 * their operation's id. Connects by itself, also when Redis comes up later; commands are refused at once until it
 * has.
 */
export function connectRedis(options: RedisOptions): RedisClient {
  const { resend = true } = options;
  const each = {
    connectionName: options.name,
    maxRetriesPerRequest: resend ? 1 : 0,
    autoResendUnfulfilledCommands: resend,
    connectTimeout: connectTimeoutMs,
    commandTimeout: options.commandTimeoutMs ?? 300,
  };
  if (options.urls.length > 1)
    return connectCluster(options, { redisOptions: each, enableOfflineQueue: false });
  const redis = new Redis(options.urls[0]!, {
    ...each,
    ...cutOffWhereSilent(each.commandTimeout),
    enableOfflineQueue: false,
    retryStrategy: backoffMs,
    // After a failover the address may lead to what is now a replica: connect anew, the name then leads to the primary.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
  });
  redis.on('error', (error) => options.onError?.(error));
  return redis;
}

/** For queues and subscriptions: waits for Redis to come back, however long that takes. */
export function connectPatiently(options: Omit<RedisOptions, 'commandTimeoutMs' | 'resend'>): RedisClient {
  const each = {
    connectionName: options.name,
    maxRetriesPerRequest: null,
    connectTimeout: connectTimeoutMs,
    socketTimeout: patientSilenceMs,
  };
  if (options.urls.length > 1)
    return connectCluster(options, { redisOptions: each, enableOfflineQueue: true });
  const redis = new Redis(options.urls[0]!, {
    ...each,
    retryStrategy: backoffMs,
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  });
  redis.on('error', (error) => options.onError?.(error));
  return redis;
}

function connectCluster(
  { urls, onError }: Pick<RedisOptions, 'urls' | 'onError'>,
  options: ClusterOptions,
): Cluster {
  const seeds = urls.map((text) => new URL(text));
  const { protocol, username, password } = seeds[0]!;
  const cluster = new Cluster(
    seeds.map(({ hostname, port }) => ({ host: hostname, port: Number(port || 6379) })),
    {
      clusterRetryStrategy: backoffMs,
      slotsRefreshTimeout: 500,
      // A failed-over shard is found also by a process that has asked nothing of it meanwhile.
      slotsRefreshInterval: 1_000,
      // A shard that is gone costs its own keys a fifth of a second, not the sixteen tries that are usual.
      maxRedirections: 3,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
      // Certificates are made out to names, so that names must reach the connection.
      ...(protocol === 'rediss:' ? { dnsLookup: (name, found) => found(null, name) } : {}),
      ...options,
      redisOptions: {
        ...options.redisOptions,
        ...(username === '' ? {} : { username: decodeURIComponent(username) }),
        ...(password === '' ? {} : { password: decodeURIComponent(password) }),
        ...(protocol === 'rediss:' ? { tls: {} } : {}),
        ...cutOffWhereSilent(options.redisOptions?.commandTimeout),
      },
    },
  );
  cluster.on('error', (error) => onError?.(error));
  cluster.on('node error', (error) => onError?.(error));
  return cluster;
}

/**
 * A server that hangs, or whose host is gone without a word, loses its connections: the next one asks for its address
 * again, and what an old server says after it was replaced reaches nobody.
 */
function cutOffWhereSilent(commandTimeoutMs: number | undefined): { socketTimeout?: number } {
  return commandTimeoutMs === undefined ? {} : { socketTimeout: commandTimeoutMs + 500 };
}

// Tells errors of an unavailable Redis from refusals of a command.

/** Thrown where it is known without asking. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';
}

/** A server that is loading, a replica, or full; a cluster that is being mended. */
const refusals =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|MISCONF|OOM|NOREPLICAS|UNBLOCKED)\b/;
/** The client's own; they bear no code. */
const words =
  /^(Connection is closed|Command timed out|Stream isn't writeable|Cluster isn't ready|Cluster is ended|Too many Cluster redirections|Socket timeout|None of startup nodes is available)/;
const names = new Set(['RedisAway', 'MaxRetriesPerRequestError', 'ClusterAllFailedError']);

export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return names.has(error.name) || refusals.test(error.message) || words.test(error.message);
}
