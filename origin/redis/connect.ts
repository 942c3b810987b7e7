// Connects to Redis, one server or a cluster.
// Connections of the request path fail fast: no offline queue, one retry, a deadline for each command.
import { Cluster, type ClusterOptions, Redis } from 'ioredis';

/** Both take the same commands. In a cluster, all keys of a command must be in one slot. */
export type RedisClient = Redis | Cluster;

interface RedisOptions {
  /** One URL: that server. Several: seed nodes of a cluster, with the user and password of the first. */
  urls: string[];
  name: string;
  commandTimeoutMs?: number;
  /** False: commands that a broken connection left unanswered are rejected, and never sent again. */
  resend?: boolean;
  onError?: (error: Error) => void;
}

const connectTimeoutMs = 1_000;
/** Silence after which a patient connection ends. Its commands may wait in the server for ten seconds. */
const patientSilenceMs = 30_000;
const backoffMs = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000);

/**
 * Connects for the request path. Commands may be sent twice after a reconnect, so data changes only through scripts
 * that know their operation's id. It connects even if Redis starts later. Until then commands are refused at once.
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
    // After a failover this connection may lead to a replica. A new connection resolves the name to the primary.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
  });
  redis.on('error', (error) => options.onError?.(error));
  return redis;
}

/** Connects for queues and subscriptions, and waits until Redis is back, however long that takes. */
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
      // Finds a failed-over shard even if this process asked nothing of it meanwhile.
      slotsRefreshInterval: 1_000,
      // Requests for a lost shard fail within a fifth of a second, and not after the default of sixteen tries.
      maxRedirections: 3,
      retryDelayOnFailover: 50,
      retryDelayOnClusterDown: 50,
      // Certificates name hosts, so the connection must get the name and not an address.
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
 * Closes the connections of a server that hangs or whose host is gone. The next connection resolves the address
 * again. Late answers of a replaced server then reach nobody.
 */
function cutOffWhereSilent(commandTimeoutMs: number | undefined): { socketTimeout?: number } {
  return commandTimeoutMs === undefined ? {} : { socketTimeout: commandTimeoutMs + 500 };
}

// Tells an unavailable Redis from a refused command.

/** Thrown where Redis is known to be away without asking it. */
export class RedisAway extends Error {
  override readonly name = 'RedisAway';
}

/** Refusals of a server that is loading, a replica or full, and of a cluster that is being repaired. */
const refusals =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|MISCONF|OOM|NOREPLICAS|UNBLOCKED)\b/;
/** The client's own errors, which have no code. */
const words =
  /^(Connection is closed|Command timed out|Stream isn't writeable|Cluster isn't ready|Cluster is ended|Too many Cluster redirections|Socket timeout|None of startup nodes is available)/;
const names = new Set(['RedisAway', 'MaxRetriesPerRequestError', 'ClusterAllFailedError']);

export function isRedisAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return names.has(error.name) || refusals.test(error.message) || words.test(error.message);
}
