// Connections to Redis that fail fast: no offline queue, one try, a deadline a command. A silent Redis costs milliseconds, not minutes.
import { Redis } from 'ioredis';

export interface RedisOptions {
  urls: string[];
  name: string;
  commandTimeoutMs?: number;
  onError?: (error: Error) => void;
}

/**
 * For the request path. Commands may be sent twice after a reconnect, so data changes only through scripts that know their operation's id.
 * Connects by itself, also when Redis comes up later; commands are refused at once until it has.
 */
export function connectRedis(options: RedisOptions): Redis {
  const redis = new Redis(options.urls[0]!, {
    connectionName: options.name,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 1_000,
    commandTimeout: options.commandTimeoutMs ?? 300,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
    // After a failover the address may lead to what is now a replica: connect anew, the name then leads to the primary.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
  });
  redis.on('error', (error) => options.onError?.(error));
  return redis;
}
