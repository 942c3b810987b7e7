// Stores answers in memory, bounded in bytes; the least recently used are dropped first.
import { LRUCache } from 'lru-cache';
import { bytesOf, type StoredResponse } from './stored/stored-response.ts';

type Variants = StoredResponse[];

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
