// Loads an entry that memory may not serve yet.
// It comes from memory after a check of its floors, from Redis, or by a new fill.

import type { TagVersions } from '../../http/cache-tag.ts';
import type { Floors } from '../invalidation/floors.ts';
import { isSameLineage, type Lineage } from '../invalidation/lineage-watch.ts';
import { isPostgresAway } from '../postgres/postgres-errors.ts';
import type { Db } from '../schema.ts';
import {
  type Codec,
  type FoundEntry,
  type Fresh,
  jsonCodec,
  type LoadedEntry,
  type ReadRequest,
} from './entry.ts';
import type { EntryStore } from './entry-store.ts';
import type { Memory } from './memory.ts';

/** The sources of a cached value: this process's memory, Redis, replicas, the primary. */
interface EntrySources {
  db: Db;
  /** Replicas, for requests that may be filled from them. */
  sources?: FillSources | undefined;
  floors: Floors;
  memory: Memory;
  entries: EntryStore;
  clock: () => number;
  /** Milliseconds since 1970. */
  now: () => number;
  makeDueChanges?: (() => Promise<void>) | undefined;
  lineage: Pick<Lineage, 'known'>;
}

/** The connections that a fill may use besides the primary's own pool. */
export interface FillSources {
  /** May read old rows. Undefined where no replica answers. */
  fromReplica<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T } | undefined>;
  wasBelowFloor(): void;
  fromPrimary<T>(fill: (db: Db) => Promise<T>): Promise<T>;
  /** Reads rows of any age, and only while the primary is away; else undefined. */
  whilePrimaryIsAway<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T } | undefined>;
  /**
   * Reads at least everything that was committed before `asOf`, by the monotonic clock; `mayBeOld` where the primary
   * is away, because nobody can tell then.
   */
  current<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T; asOf: number; mayBeOld?: boolean }>;
}

const defaultTtlSeconds = 3_600;

export async function loadEntry(
  entrySources: EntrySources,
  request: ReadRequest<unknown>,
): Promise<LoadedEntry> {
  try {
    return (
      (await entrySources.memory.recheck(request.key)) ??
      (await accept(entrySources, request, await entrySources.entries.get(request.key))) ??
      (await fillAndStore(entrySources, request))
    );
  } catch (error) {
    if (error instanceof FillError) throw error.cause;
    // Redis is away: the answer is slower, but not wrong.
    return fillUnchecked(entrySources, request);
  }
}

/** Reads the floors after the entry. Floors that were read before it could be older than the entry. */
async function accept(
  { floors, clock, now, lineage }: EntrySources,
  { codec = jsonCodec }: ReadRequest<unknown>,
  entry: FoundEntry | undefined,
): Promise<LoadedEntry | undefined> {
  if (entry === undefined || isOver(entry, now)) return undefined;
  const asOf = clock();
  if ((await floors.check(entry.tags)) !== 'above') return undefined;
  // The check may have found that the database has gone back in time since the entry was read.
  if (!isSameLineage(entry.lineage, lineage.known())) return undefined;
  const { tags, until, bytes } = entry;
  return {
    value: codec.decode(bytes),
    tags,
    until,
    outcome: 'hit',
    asOf,
    bytes: memoryOf(codec, bytes, tags),
    isChecked: true,
    lineage: entry.lineage,
  };
}

async function fillAndStore(entrySources: EntrySources, request: ReadRequest<unknown>): Promise<LoadedEntry> {
  const { entries, floors, now } = entrySources;
  const { key, codec = jsonCodec, ttlSeconds = defaultTtlSeconds } = request;
  const token = await entries.lease(key);
  if (token === undefined) {
    const arrived = await accept(entrySources, request, await entries.awaitEntry(key));
    return arrived ?? { ...(await fillForStore(entrySources, request)), isChecked: false };
  }
  const release = () => void entries.release(key, token).catch(() => undefined);
  const filled = await fillForStore(entrySources, request).catch((cause: unknown) => {
    release();
    throw new FillError('Cannot fill a cache entry', { cause });
  });
  // From here on a failure of Redis does no harm, because the value was read after the request began.
  if (isOver(filled, now) || (!filled.isChecked && !(await standsAbove(floors, filled.tags)))) {
    release();
    return { ...filled, isChecked: false };
  }
  const { tags, until } = filled;
  const bytes = codec.encode(filled.value);
  const stored = await entries
    .store(key, token, { tags, until, bytes }, secondsOf(ttlSeconds, until, now()))
    .catch(() => false);
  return {
    ...filled,
    outcome: stored ? 'miss' : 'bypass',
    bytes: memoryOf(codec, bytes, filled.tags),
    isChecked: true,
  };
}

/** Tells whether the moment has come at which the value becomes another one. */
export function isOver({ until }: Pick<Fresh<unknown>, 'until'>, now: () => number): boolean {
  return until !== undefined && now() >= until;
}

/** Redis may keep the entry up to a second longer than `until`. The exact moment is in the entry itself. */
function secondsOf(ttlSeconds: number, until: number | undefined, nowMs: number): number {
  return until === undefined
    ? ttlSeconds
    : Math.min(ttlSeconds, Math.max(1, Math.ceil((until - nowMs) / 1_000)));
}

function standsAbove(floors: Floors, tags: TagVersions): Promise<boolean> {
  return floors.check(tags).then(
    (verdict) => verdict === 'above',
    () => false,
  );
}

/** Memory for objects, the headers of its answers, and the memory's own index. */
const bytesOfEntry = 2_048;
const bytesOfTag = 100;

function memoryOf(codec: Codec<unknown>, encoded: Uint8Array, tags: TagVersions): number {
  return encoded.length * codec.memoryFactor + Object.keys(tags).length * bytesOfTag + bytesOfEntry;
}

/** The fill itself failed, because of Postgres or the query and not of the cache. */
class FillError extends Error {}

type Request = ReadRequest<unknown>;

/**
 * Fills a missing entry: from a replica if its rows are at or above the floors, else from the primary. Only rows of a
 * replica are checked here, by floors that are read after them.
 */
async function fillForStore(entrySources: EntrySources, request: Request): Promise<LoadedEntry> {
  return withDueChanges(entrySources, request, await fillFromBest(entrySources, request));
}

/**
 * Writes an overdue change, such as a sale that should have begun, and reads again. If the primary is away, it
 * returns the known value, which is not kept.
 */
async function withDueChanges(
  entrySources: EntrySources,
  request: Request,
  filled: LoadedEntry,
): Promise<LoadedEntry> {
  const { makeDueChanges, now } = entrySources;
  if (makeDueChanges === undefined || !isOver(filled, now)) return filled;
  const isMade = await makeDueChanges().then(
    () => true,
    () => false,
  );
  return isMade ? fillFromPrimary(entrySources, request) : filled;
}

async function fillFromBest(entrySources: EntrySources, request: Request): Promise<LoadedEntry> {
  const { sources, floors, clock, lineage } = entrySources;
  const before = lineage.known()?.value;
  const found = request.fromReplicas ? await sources?.fromReplica(request.fill) : undefined;
  if (sources === undefined || found === undefined) return fillFromPrimary(entrySources, request);
  const asOf = clock();
  const verdict = await floors.check(found.value.tags).catch(() => 'unreadable' as const);
  const isOfNow = isSameLineage(before, lineage.known());
  if (verdict === 'above' && isOfNow) return { ...unchecked(found.value, asOf, before), isChecked: true };
  if (verdict === 'unreadable') return fillCurrent(entrySources, request);
  sources.wasBelowFloor();
  return fillFromPrimary(entrySources, request);
}

/**
 * Fills from a replica while the primary is away, even if it is unknown which primary it follows. No floor may forbid
 * its rows.
 */
async function fillWhilePrimaryIsAway(
  { sources, floors, clock, lineage }: EntrySources,
  request: Request,
  error: unknown,
): Promise<LoadedEntry> {
  const asOf = clock();
  const before = lineage.known()?.value;
  const found = await sources?.whilePrimaryIsAway(request.fill);
  const verdict = found && (await floors.check(found.value.tags).catch(() => 'unreadable' as const));
  if (found === undefined || verdict === 'below') throw error;
  return { ...unchecked(found.value, asOf, before), mayBeOld: verdict !== 'above' };
}

/**
 * Fills while the floors cannot be read. Nothing is stored, and a replica must have replayed all that the primary had
 * written.
 */
export async function fillUnchecked(entrySources: EntrySources, request: Request): Promise<LoadedEntry> {
  return withDueChanges(entrySources, request, await fillCurrent(entrySources, request));
}

async function fillCurrent(entrySources: EntrySources, request: Request): Promise<LoadedEntry> {
  if (entrySources.sources === undefined || !request.fromReplicas)
    return fillFromPrimary(entrySources, request);
  const before = entrySources.lineage.known()?.value;
  const { value, asOf, mayBeOld = false } = await entrySources.sources.current(request.fill);
  return { ...unchecked(value, asOf, before), mayBeOld };
}

async function fillFromPrimary(entrySources: EntrySources, request: Request): Promise<LoadedEntry> {
  const { sources, db, clock, lineage } = entrySources;
  const asOf = clock();
  const before = lineage.known()?.value;
  if (sources === undefined || !request.fromReplicas) return unchecked(await request.fill(db), asOf, before);
  try {
    return unchecked(await sources.fromPrimary(request.fill), asOf, before);
  } catch (error) {
    if (!isPostgresAway(error)) throw error;
    return fillWhilePrimaryIsAway(entrySources, request, error);
  }
}

function unchecked(fresh: Fresh<unknown>, asOf: number, lineage: string | undefined): LoadedEntry {
  return { ...fresh, outcome: 'bypass', asOf, bytes: 0, isChecked: false, lineage };
}
