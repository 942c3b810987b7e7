// Loads an entry that memory may not serve as it stands: from memory after a check of its floors, from Redis, then from
// Postgres.

import type { TagVersions } from '../../http/cache-tag.ts';
import type { Floors } from '../invalidation/floors.ts';
import { type Codec, type EncodedEntry, jsonCodec } from './codec.ts';
import type { Loaded, ReadRequest } from './entry.ts';
import { fillForStore, fillUnchecked } from './fill-entry.ts';
import type { EntrySources } from './sources.ts';

const defaultTtlSeconds = 3_600;

export async function loadEntry(entrySources: EntrySources, request: ReadRequest<unknown>): Promise<Loaded> {
  try {
    return (
      (await entrySources.memory.recheck(request.key)) ??
      (await accept(entrySources, request, await entrySources.entries.get(request.key))) ??
      (await fillAndStore(entrySources, request))
    );
  } catch (error) {
    if (error instanceof FillError) throw error.cause;
    // Redis is away: slower, not wrong.
    return fillUnchecked(entrySources, request);
  }
}

/** Floors are read after the entry: one read before could be older than what the entry is made of. */
async function accept(
  { floors, clock }: EntrySources,
  { codec = jsonCodec }: ReadRequest<unknown>,
  entry: EncodedEntry | undefined,
): Promise<Loaded | undefined> {
  if (entry === undefined) return undefined;
  const asOf = clock();
  if ((await floors.check(entry.tags)) !== 'above') return undefined;
  const { tags, bytes } = entry;
  return {
    value: codec.decode(bytes),
    tags,
    outcome: 'hit',
    asOf,
    bytes: memoryOf(codec, bytes, tags),
    isChecked: true,
  };
}

async function fillAndStore(entrySources: EntrySources, request: ReadRequest<unknown>): Promise<Loaded> {
  const { entries, floors } = entrySources;
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
  // From here on Redis may fail without harm: what was read after the request began may be served.
  if (!filled.isChecked && !(await standsAbove(floors, filled.tags))) {
    release();
    return filled;
  }
  const bytes = codec.encode(filled.value);
  const stored = await entries.store(key, token, filled.tags, bytes, ttlSeconds).catch(() => false);
  return {
    ...filled,
    outcome: stored ? 'miss' : 'bypass',
    bytes: memoryOf(codec, bytes, filled.tags),
    isChecked: true,
  };
}

function standsAbove(floors: Floors, tags: TagVersions): Promise<boolean> {
  return floors.check(tags).then(
    (verdict) => verdict === 'above',
    () => false,
  );
}

/** Objects, the headers of its answers, and the memory's own index. */
const bytesOfEntry = 2_048;
const bytesOfTag = 100;

function memoryOf(codec: Codec<unknown>, encoded: Uint8Array, tags: TagVersions): number {
  return encoded.length * codec.memoryFactor + Object.keys(tags).length * bytesOfTag + bytesOfEntry;
}

/** The fill itself failed: Postgres or the query, not the cache. */
class FillError extends Error {}
