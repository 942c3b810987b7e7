// Decides whether an entry may be served: each of its tags at or above its floor in Redis. Raises floors by Lua
// scripts, and restores those that Redis lost from the versions in Postgres.
import { randomUUID } from 'node:crypto';
import type { Result } from 'ioredis';
import type { TagVersions } from '../../http/cache-tag.ts';
import { RedisAway, type RedisClient } from '../redis/connect.ts';
import { createVersionedReads, type RunId, type VersionedReads } from '../redis/versioned-reads.ts';
import type { Db, DbOrTx } from '../schema.ts';
import { type Lineage, type LineageMark, onlyLineage } from './lineage-watch.ts';

/** `unreadable`: Redis is away, or another process is restoring a floor. Nothing from a cache may be served. */
export type FloorCheck = 'above' | 'below' | 'unreadable';

export interface Floors {
  /** Whether every tag is at or above its floor, by floors read after this call began. */
  check(tags: TagVersions): Promise<FloorCheck>;
  /** A floor only goes up. @throws where Redis or (for a floor that it has forgotten) the primary is away. */
  raise(tags: TagVersions): Promise<void>;
}

interface FloorsOptions {
  redis: RedisClient;
  /** The primary: a replica's version could be an older one. */
  db: Db;
  readers: TagVersionReader[];
  /** Which server process answers; asked from the connection unless given. */
  server?: RunId;
  /** Floors of another one are unknown. */
  lineage?: Pick<Lineage, 'confirm'>;
}

const floorSeconds = 24 * 60 * 60;
const leaseMs = 5_000;

export function createFloors(options: FloorsOptions): Floors {
  defineCacheScripts(options.redis);
  const storedFloors = createVersionedReads(options.redis, options.server);
  return {
    check: (tags) => checkFloors(options, storedFloors, tags),
    raise: (tags) => raiseFloors(options, storedFloors, tags),
  };
}

async function checkFloors(
  options: FloorsOptions,
  storedFloors: VersionedReads,
  tags: TagVersions,
): Promise<FloorCheck> {
  const names = Object.keys(tags);
  if (names.length === 0) return 'above';
  const { lineage = onlyLineage } = options;
  const [stored, mark] = await Promise.all([storedFloors.read(names.map(floorKey)), lineage.confirm()]);
  const unknown: TagOnServer[] = [];
  for (const [index, tag] of names.entries()) {
    const { value, runId: serverId } = stored[index]!;
    const runId = identityOf(serverId, mark);
    if (runId === undefined) return 'unreadable';
    const floor = parseFloor(value, runId);
    if (floor === undefined) unknown.push({ tag, runId });
    else if (tags[tag]! < floor) return 'below';
  }
  if (unknown.length === 0) return 'above';
  const restored = await restoreFloors(options, unknown, 'if-free');
  if (restored === undefined) return 'unreadable';
  return unknown.every(({ tag }) => tags[tag]! >= restored[tag]!) ? 'above' : 'below';
}

async function raiseFloors(
  options: FloorsOptions,
  storedFloors: VersionedReads,
  tags: TagVersions,
): Promise<void> {
  const mark = await (options.lineage ?? onlyLineage).confirm().catch((cause: unknown) => {
    throw new RedisAway('Cannot raise floors as Redis does not answer', { cause });
  });
  const raising = Object.entries(tags).map(async ([tag, version]) => {
    const runId = identityOf(storedFloors.runIdOf(floorKey(tag)), mark);
    if (runId === undefined) throw new RedisAway('Cannot raise floors as Redis or the lineage is not known');
    const raised = await options.redis.raiseFloor(floorKey(tag), runId, version, floorSeconds);
    return raised === 1 ? undefined : { tag, runId };
  });
  const unknown = (await Promise.all(raising)).filter((left) => left !== undefined);
  // A lease is taken over here, never waited for: whoever holds it may have asked the primary before this change.
  if (unknown.length > 0 && (await restoreFloors(options, unknown, 'take-over')) === undefined) {
    throw new RedisAway('Cannot raise floors as their leases were lost');
  }
}

interface TagOnServer {
  tag: string;
  /** Of the process that holds its floor, with what stands for the database's lineage. */
  runId: string;
}

/** A floor that was written on another server, or is of another lineage of the database, bears another one. */
function identityOf(runId: string | undefined, mark: LineageMark | undefined): string | undefined {
  if (runId === undefined || mark === undefined) return undefined;
  return mark.keyPart === '' ? runId : `${runId}.${mark.keyPart}`;
}

/**
 * Takes a lease, asks the primary, then sets the floor. A change that commits later raises the floor itself and
 * takes the lease away. Leased floors are restored also where others hold the rest: an unused lease would block its
 * floor until it runs out.
 * @returns undefined where not all could be restored
 */
async function restoreFloors(
  { redis, db, readers }: FloorsOptions,
  unknown: TagOnServer[],
  how: 'if-free' | 'take-over',
): Promise<TagVersions | undefined> {
  const token = randomUUID();
  const leased = await Promise.all(
    unknown.map(({ tag }) =>
      how === 'if-free'
        ? redis.set(leaseKey(tag), token, 'PX', leaseMs, 'NX')
        : redis.set(leaseKey(tag), token, 'PX', leaseMs),
    ),
  );
  const own = unknown.filter((_, index) => leased[index] === 'OK');
  if (own.length === 0) return undefined;
  const versions = await readTagVersions(
    db,
    readers,
    own.map(({ tag }) => tag),
  );
  const restored = await Promise.all(
    own.map(({ tag, runId }) =>
      redis.restoreFloor(floorKey(tag), leaseKey(tag), token, runId, versions[tag]!, floorSeconds),
    ),
  );
  const isWhole = own.length === unknown.length && restored.every((answer) => answer === 1);
  return isWhole ? versions : undefined;
}

function parseFloor(stored: string | null | undefined, runId: string): number | undefined {
  if (!stored?.startsWith(`${runId}:`)) return undefined;
  return Number(stored.slice(runId.length + 1));
}

function floorKey(tag: string): string {
  return `floor:{${tag}}`;
}

function leaseKey(tag: string): string {
  return `floor-lease:{${tag}}`;
}

/**
 * Reads the current version of each tag from the primary. Each domain answers for its own tags. Answers for
 * every tag of its own domain and leaves the others out. A row that does not exist (yet) has version 0, so
 * that its absence can be cached; of what can be deleted for good the answer is `deletedVersion`.
 */
export type TagVersionReader = (db: DbOrTx, tags: string[]) => Promise<TagVersions>;

/** The floor of what no longer exists: no entry that bears such a tag is ever at or above it. */
export const deletedVersion = 2_147_483_647;

/** @throws where a tag belongs to no domain: a programming error. */
async function readTagVersions(
  db: DbOrTx,
  readers: TagVersionReader[],
  tags: string[],
): Promise<TagVersions> {
  const versions: TagVersions = {};
  for (const read of readers) Object.assign(versions, await read(db, tags));
  const orphan = tags.find((tag) => versions[tag] === undefined);
  if (orphan !== undefined)
    throw new Error(`Cannot read the version of '${orphan}' as no domain answers for it`);
  return versions;
}

// Lua scripts that change floors and entries in Redis. Each touches one slot and is safe to send twice.

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
