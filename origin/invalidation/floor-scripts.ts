// Lua scripts that change floors and entries in Redis. Each touches one slot and is safe to send twice.
import type { Result } from 'ioredis';
import type { RedisClient } from '../redis/connect.ts';

/**
 * A floor is `<run id>:<version>`. It only goes up, where it is known on this server.
 * @returns 1 raised or already as high, 0 unknown (missing, or written on another server)
 */
const raiseFloor = `
local floor = redis.call('get', KEYS[1])
local runId, version = ARGV[1], tonumber(ARGV[2])
if not floor or string.sub(floor, 1, #runId + 1) ~= runId .. ':' then return 0 end
if version > tonumber(string.sub(floor, #runId + 2)) then
  redis.call('set', KEYS[1], runId .. ':' .. ARGV[2], 'EX', ARGV[3])
end
return 1`;

/**
 * Makes an unknown floor known, only while the lease of whoever asked the primary still stands: FLUSHALL, a restart and
 * somebody's later raise all take the lease away.
 */
const restoreFloor = `
if redis.call('get', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('del', KEYS[2])
local runId, version = ARGV[2], tonumber(ARGV[3])
local floor = redis.call('get', KEYS[1])
if floor and string.sub(floor, 1, #runId + 1) == runId .. ':' then
  version = math.max(version, tonumber(string.sub(floor, #runId + 2)))
end
redis.call('set', KEYS[1], runId .. ':' .. string.format('%d', version), 'EX', ARGV[4])
return 1`;

/** Stores an entry only for the holder of its lease. */
const storeEntry = `
if redis.call('get', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('del', KEYS[2])
redis.call('set', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1`;

/** Gives a lease back without an entry. */
const releaseEntry = `
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    raiseFloor(floor: string, runId: string, version: number, ttlSeconds: number): Result<0 | 1, Context>;
    restoreFloor(
      floor: string,
      lease: string,
      token: string,
      runId: string,
      version: number,
      ttlSeconds: number,
    ): Result<0 | 1, Context>;
    storeEntry(
      entry: string,
      lease: string,
      token: string,
      value: Buffer,
      ttlSeconds: number,
    ): Result<0 | 1, Context>;
    releaseEntry(lease: string, token: string): Result<0 | 1, Context>;
  }
}

export function defineCacheScripts(redis: RedisClient): void {
  redis.defineCommand('raiseFloor', { numberOfKeys: 1, lua: raiseFloor });
  redis.defineCommand('restoreFloor', { numberOfKeys: 2, lua: restoreFloor });
  redis.defineCommand('storeEntry', { numberOfKeys: 2, lua: storeEntry });
  redis.defineCommand('releaseEntry', { numberOfKeys: 1, lua: releaseEntry });
}
