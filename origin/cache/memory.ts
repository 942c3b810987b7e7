// Entries in this process's memory: bounded in bytes, each served only if the check of its floors began less than 25 ms ago.
import { LRUCache } from 'lru-cache';
import type { Loaded } from './entry.ts';
import type { Floors } from './floors.ts';

/** `done` waits twice as long after it has raised the floors. */
export const trustedMs = 25;

export interface Memory {
  /** What may be served at this very moment. */
  recall(key: string): Loaded | undefined;
  /**
   * What may be served once its floors were read again, one question a key at a time.
   * @returns undefined where nothing is kept or it is below a floor. @throws where Redis does not answer.
   */
  recheck(key: string): Promise<Loaded | undefined>;
  /** The clock is read here, at serving: a process that was paused since its last check sees that the check is old. */
  isTrusted(entry: Loaded): boolean;
  keep(key: string, entry: Loaded): void;
  /** Whatever is kept, trusted or not. */
  peek(key: string): Loaded | undefined;
}

export interface MemoryOptions {
  floors: Floors;
  maxBytes: number;
  clock: () => number;
}

export function createMemory({ floors, maxBytes, clock }: MemoryOptions): Memory {
  const kept = new LRUCache<string, Loaded>({
    maxSize: maxBytes,
    sizeCalculation: (entry, key) => entry.bytes + key.length,
  });
  const checks = new Map<string, Promise<Loaded | undefined>>();
  const isTrusted = (entry: Loaded) => clock() - entry.asOf < trustedMs;

  const check = async (entry: Loaded): Promise<Loaded | undefined> => {
    const asOf = clock();
    if ((await floors.check(entry.tags)) !== 'above') return undefined;
    entry.asOf = Math.max(entry.asOf, asOf);
    return entry;
  };

  return {
    recall(key) {
      const entry = kept.get(key);
      return entry !== undefined && isTrusted(entry) ? entry : undefined;
    },
    async recheck(key) {
      const entry = kept.get(key);
      if (entry === undefined) return undefined;
      let current = checks.get(key);
      if (current === undefined) {
        current = check(entry).finally(() => checks.delete(key));
        checks.set(key, current);
      }
      return current;
    },
    isTrusted,
    keep: (key, entry) => kept.set(key, entry.outcome === 'hit' ? entry : { ...entry, outcome: 'hit' }),
    peek: (key) => kept.get(key),
  };
}
