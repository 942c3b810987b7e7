// Encodes cached values as bytes and back, so that binary bodies stay binary and the size of an entry is known.
import type { TagVersions } from '../../http/cache-tag.ts';

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

export interface EncodedEntry {
  tags: TagVersions;
  bytes: Buffer<ArrayBuffer>;
}

const lengthBytes = 4;

/** As it lies in Redis: length of the tags, the tags as JSON, the value's bytes. */
export function packEntry(tags: TagVersions, bytes: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(tags));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, bytes]);
}

export function unpackEntry(packed: Buffer): EncodedEntry {
  const end = lengthBytes + packed.readUInt32BE();
  // A copy of its own: a slice would keep the whole chunk alive that came over the socket.
  const bytes = Buffer.allocUnsafeSlow(packed.length - end);
  packed.copy(bytes, 0, end);
  return { tags: JSON.parse(packed.toString('utf8', lengthBytes, end)) as TagVersions, bytes };
}
