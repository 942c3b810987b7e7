// Decides whether an entry may be served: each of its tags must be at or above its floor in Redis.
// It raises floors by Lua scripts, and restores floors that Redis lost from the versions in Postgres.
import { randomUUID } from 'node:crypto';
import type { Result } from 'ioredis';
import type { TagVersions } from '../../http/cache-tag.ts';
import { RedisAway, type RedisClient } from '../redis/connect.ts';
import { createVersionedReads, type RunId, type VersionedReads } from '../redis/versioned-reads.ts';
import type { Db, DbOrTx } from '../schema.ts';
import { type Lineage, type LineageMark, onlyLineage } from './lineage-watch.ts';

/**
 * `unreadable`: Redis is away, the lineage is unknown, or another process is restoring a floor. Nothing cached may be
 * served.
 */
export type FloorCheck = 'above' | 'below' | 'unreadable';

export interface Floors {
  /** Tells whether every tag is at or above its floor. The floors are read after this call began. */
  check(tags: TagVersions): Promise<FloorCheck>;
  /**
   * Raises floors, and never lowers one. @throws where Redis is away, or the primary where Redis has forgotten a
   * floor
   */
  raise(tags: TagVersions): Promise<void>;
}

interface FloorsOptions {
  redis: RedisClient;
  /** The primary, because a replica's version could be an older one. */
  db: Db;
  readers: TagVersionReader[];
  /** Tells which server process answers; by default the connection's own. */
  server?: RunId;
  /** Floors of another lineage count as unknown. */
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
  // Takes over any lease without waiting, because its holder may have asked the primary before this change.
  if (unknown.length > 0 && (await restoreFloors(options, unknown, 'take-over')) === undefined) {
    throw new RedisAway('Cannot raise floors as their leases were lost');
  }
}

interface TagOnServer {
  tag: string;
  /** The server process that holds the floor, with the name of the database's lineage. */
  runId: string;
}

/** Joins the server process and the lineage. A floor of another process or another lineage bears another identity. */
function identityOf(runId: string | undefined, mark: LineageMark | undefined): string | undefined {
  if (runId === undefined || mark === undefined) return undefined;
  return mark.keyPart === '' ? runId : `${runId}.${mark.keyPart}`;
}

/**
 * Takes a lease, asks the primary, then sets the floor. A change that commits later takes the lease away and raises
 * the floor itself. If others hold some leases, the rest are still restored, because an unused lease would block its
 * floor until it expires.
 * @returns undefined where not all floors could be restored
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
 * Reads the present version of each tag from the primary. Each domain answers for its own tags and leaves out all
 * others. A row that does not exist yet has version 0, so that its absence can be cached. For a row that was deleted
 * for good the answer is `deletedVersion`.
 */
export type TagVersionReader = (db: DbOrTx, tags: string[]) => Promise<TagVersions>;

/** The floor of a row that was deleted for good. No entry with its tag is ever at or above it. */
export const deletedVersion = 2_147_483_647;

/** @throws where a tag belongs to no domain, which is a programming error */
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
 * Raises a floor, `<run id>:<version>`, if it is known on this server. It never lowers one.
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
 * Sets an unknown floor only while the lease of the process that asked the primary still stands. FLUSHALL, a restart
 * and another process's later raise all take the lease away.
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
