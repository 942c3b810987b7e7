// The types of the cache, the bytes by which a value is stored, and the count of hits, misses and bypasses.

import { Counter, type Registry } from 'prom-client';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { DbOrTx } from '../schema.ts';

export interface Fresh<T> {
  value: T;
  /** Every row that the value was made from, at the version read. */
  tags: TagVersions;
  /** Milliseconds since 1970: from then on it is another value, whatever the versions say, as a sale begins or ends. */
  until?: number | undefined;
}

export interface ReadRequest<T> {
  /** Names the entry; also what concurrent misses are gathered by. */
  key: string;
  /** Makes the value. Must read every row through the `db` that it is given. */
  fill: (db: DbOrTx) => Promise<Fresh<T>>;
  /** True: a replica may fill it, as nobody decides on a write by it. */
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
  /** `bypass`: the floors could not be read, so the value came from Postgres and was not stored. */
  outcome: CacheOutcome;
}

/** A value, and the monotonic moment from which on it may have changed. */
export interface LoadedEntry extends ReadResult<unknown> {
  /** Moves forward each time that its floors are found to stand. */
  asOf: number;
  /** Of this process's memory. */
  bytes: number;
  /** Whether its floors were read and stand: only then may memory keep it. */
  isChecked: boolean;
  /** The lineage of the database that was known before it was read. */
  lineage?: string | undefined;
}

/**
 * Encodes cached values as bytes and back, so that binary bodies stay binary and the size of an entry is
 * known.
 */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** @param bytes belong to the value alone: it may keep slices of them. */
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

/** As it was found in Redis. */
export interface FoundEntry extends EncodedEntry {
  lineage?: string;
}

const lengthBytes = 4;

/** What stands before the value's bytes; the tags alone where the value has no end, as earlier releases wrote it. */
type EntryHead = TagVersions | { tags: TagVersions; until: number };

/** As it lies in Redis: length of the head, the head as JSON, the value's bytes. */
export function packEntry({ tags, until, bytes }: EncodedEntry<Uint8Array>): Buffer {
  const head: EntryHead = until === undefined ? tags : { tags, until };
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, bytes]);
}

export function unpackEntry(packed: Buffer): EncodedEntry {
  const end = lengthBytes + packed.readUInt32BE();
  // A copy of its own: a slice would keep the whole chunk alive that came over the socket.
  const bytes = Buffer.allocUnsafeSlow(packed.length - end);
  packed.copy(bytes, 0, end);
  const head = JSON.parse(packed.toString('utf8', lengthBytes, end)) as EntryHead;
  return isWithEnd(head) ? { ...head, bytes } : { tags: head, bytes };
}

/** The version of a tag is a number. */
function isWithEnd(head: EntryHead): head is { tags: TagVersions; until: number } {
  return typeof head['tags'] === 'object';
}

/**
 * Counts the cache's hits, misses and bypasses, for METRICS_PORT.
 * @returns what is called for each read: it only counts, as a cart of many lines is many reads.
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
