// The types of the cache, the bytes that a value is stored as, and the count of hits, misses and bypasses.

import { Counter, type Registry } from 'prom-client';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { DbOrTx } from '../schema.ts';

export interface Fresh<T> {
  value: T;
  /** Every row that the value was made from, at the version read. */
  tags: TagVersions;
  /**
   * Milliseconds since 1970. From then on the value differs whatever the versions say, because a sale begins or ends.
   */
  until?: number | undefined;
}

export interface ReadRequest<T> {
  /** Names the entry. Concurrent misses of one key share one load. */
  key: string;
  /** Makes the value. Must read every row through the `db` that it is given. */
  fill: (db: DbOrTx) => Promise<Fresh<T>>;
  /** True where a replica may fill the entry, because no write is decided by it. */
  fromReplicas?: boolean;
  /** How the value becomes bytes; JSON unless given. One key has one codec. */
  codec?: Codec<T>;
  /** At most 24 h; default one hour. */
  ttlSeconds?: number;
  /** False: never kept in this process's memory (sessions). */
  l1?: boolean;
}

export type CacheOutcome = 'hit' | 'miss' | 'bypass';

export interface ReadResult<T> extends Fresh<T> {
  /** `bypass`: the value was filled and not stored, for example because the floors could not be read. */
  outcome: CacheOutcome;
  /**
   * Read from a replica while neither the primary nor the floors could be asked. An edge that stored it could serve
   * it after both are back.
   */
  mayBeOld?: boolean;
}

/** A loaded value, and the monotonic moment up to which it is known to be current. */
export interface LoadedEntry extends ReadResult<unknown> {
  /** Moves forward each time that the entry's tags are found at or above their floors. */
  asOf: number;
  /** How much of this process's memory the entry takes. */
  bytes: number;
  /** Whether its tags were found at or above their floors. Only then may memory keep it. */
  isChecked: boolean;
  /** The database's lineage that was known before the value was read. */
  lineage?: string | undefined;
}

/** Encodes cached values as bytes and back, so that binary bodies stay binary and an entry's size is known. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** @param bytes belong to this value alone, which may keep slices of them */
  decode(bytes: Buffer<ArrayBuffer>): T;
  /** Bytes of memory that a value takes for each byte of its encoding. */
  memoryFactor: number;
}

/** Parsed objects took three to four times their text in heap snapshots. */
export const jsonCodec: Codec<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString()),
  memoryFactor: 4,
};

export interface EncodedEntry<Bytes extends Uint8Array = Buffer<ArrayBuffer>> {
  tags: TagVersions;
  until?: number | undefined;
  bytes: Bytes;
}

/** An entry as it was found in Redis. */
export interface FoundEntry extends EncodedEntry {
  lineage?: string;
}

const lengthBytes = 4;

/** The head before the value's bytes. Without `until` it is the tags alone, as earlier releases wrote it. */
type EntryHead = TagVersions | { tags: TagVersions; until: number };

/** Packs an entry as Redis stores it: length of the head, the head as JSON, the value's bytes. */
export function packEntry({ tags, until, bytes }: EncodedEntry<Uint8Array>): Buffer {
  const head: EntryHead = until === undefined ? tags : { tags, until };
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, bytes]);
}

export function unpackEntry(packed: Buffer): EncodedEntry {
  const end = lengthBytes + packed.readUInt32BE();
  // The value gets its own copy. A slice would keep the socket's whole chunk in memory.
  const bytes = Buffer.allocUnsafeSlow(packed.length - end);
  packed.copy(bytes, 0, end);
  const head = JSON.parse(packed.toString('utf8', lengthBytes, end)) as EntryHead;
  return isWithEnd(head) ? { ...head, bytes } : { tags: head, bytes };
}

/**
 * With `until`, the head has a member `tags`, which is an object. Without it, each member is a tag's version, a
 * number.
 */
function isWithEnd(head: EntryHead): head is { tags: TagVersions; until: number } {
  return typeof head['tags'] === 'object';
}

/**
 * Counts the cache's hits, misses and bypasses, for METRICS_PORT.
 * @returns a function to call for each read; it only counts, because a cart of many lines makes many reads
 */
export function createCacheMetrics(registry: Registry): (outcome: CacheOutcome) => void {
  const reads: Record<CacheOutcome, number> = { hit: 0, miss: 0, bypass: 0 };
  new Counter({
    name: 'cache_reads_total',
    help: 'Reads through the fenced cache: a hit came from memory or Redis, a miss was filled and kept, a bypass was not kept',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, times] of Object.entries(reads)) this.inc({ outcome }, times);
    },
  });
  return (outcome) => {
    reads[outcome] += 1;
  };
}
