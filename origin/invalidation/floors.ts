// Decides whether an entry may be served: each of its tags at or above its floor in Redis. Raises floors, and restores
// those that Redis lost from the versions in Postgres.
import { randomUUID } from 'node:crypto';
import type { TagVersions } from '../../http/cache-tag.ts';
import { RedisAway, type RedisClient } from '../redis/connect.ts';
import { createVersionedReads, type RunId, type VersionedReads } from '../redis/versioned-reads.ts';
import type { Db, DbOrTx } from '../schema.ts';
import { defineCacheScripts } from './floor-scripts.ts';
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
