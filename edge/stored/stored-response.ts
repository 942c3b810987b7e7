// The stored answer with what each serving needs, computed once, and the store in memory that holds them.

import { LRUCache } from 'lru-cache';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Freshness } from '../http/freshness.ts';
import type { HeaderRecord } from '../http/header-fields.ts';

export interface StoredResponse extends Freshness {
  status: number;
  statusText: string;
  headers: HeaderRecord;
  body: Uint8Array<ArrayBuffer>;
  receivedAtMs: number;
  tags: TagVersions;
  /** The fence's epoch when the fetch began. */
  epoch: number;
  /** Values of the request's fields that Vary names, normalised. */
  vary: [name: string, value: string][];
  etag: string | null;
  lastModified: string | null;
  /** Whether the edge made this encoding of the origin's plain body. */
  compressed: boolean;
  /** Which bytes of how many, where the body is a part only. */
  part: { from: number; to: number; total: number } | undefined;
  /** The client's address where the answer sets cookies: they are nobody else's. */
  onlyFor: string | undefined;
  /** The headers of the last serving, good for as long as age and status are the same. */
  made?: { ageS: number; status: string; headers: HeaderRecord };
}

export function ageOfS(stored: StoredResponse, nowMs: number): number {
  return stored.initialAgeS + Math.max(0, nowMs - stored.receivedAtMs) / 1_000;
}

/** @returns seconds left; negative where stale. */
export function freshForS(stored: StoredResponse, nowMs: number): number {
  return stored.noCache ? -Infinity : stored.lifetimeS - ageOfS(stored, nowMs);
}

/** What an entry takes of the store's budget, in bytes, rounded up. */
function bytesOf(variants: StoredResponse[], key: string): number {
  return variants.reduce(
    (sum, { body, headers, tags }) =>
      sum +
      body.length +
      2_000 +
      // Kept once as they came and once as they were last served, two bytes a letter at most.
      4 *
        Object.entries(headers).reduce(
          (text, [name, value]) => text + name.length + String(value).length,
          0,
        ) +
      Object.keys(tags).length * 100,
    200 + 2 * key.length,
  );
}

type Variants = StoredResponse[];

/** Stores answers in memory, bounded in bytes; the least recently used are dropped first. */
export interface Store {
  get(key: string): Variants | undefined | Promise<Variants | undefined>;
  set(key: string, variants: Variants): void | Promise<void>;
  delete(key: string): void | Promise<void>;
  /** What is stored, in bytes. */
  bytes(): number;
}

export function createMemoryStore(maxBytes: number): Store {
  const entries = new LRUCache<string, Variants>({ maxSize: maxBytes, sizeCalculation: bytesOf });
  return {
    get: (key) => entries.get(key),
    set: (key, variants) => void entries.set(key, variants),
    delete: (key) => void entries.delete(key),
    bytes: () => entries.calculatedSize,
  };
}
