// Keeps cache entries in this process's memory; serves one only within 25 ms of a check of its floors.
import { LRUCache } from 'lru-cache';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Floors } from '../invalidation/floors.ts';
import { isSameLineage, type Lineage, onlyLineage } from '../invalidation/lineage-watch.ts';
import type { LoadedEntry } from './entry.ts';

/**
 * An entry in memory is served only if its floors were checked less than so many milliseconds ago. The invalidation
 * job waits twice as long after it has raised the floors, so that no memory still trusts an older check.
 */
export const trustedMs = 25;

export interface Memory {
  /** Returns what may be served now. */
  recall(key: string): LoadedEntry | undefined;
  /**
   * Returns what may be served after reading its floors again; concurrent callers of a key share one check.
   * @returns undefined where nothing is kept, or where it is below a floor. @throws where Redis does not answer
   */
  recheck(key: string): Promise<LoadedEntry | undefined>;
  /**
   * Checks the floors of all these entries at once. If all are at or above, their `asOf` moves forward.
   * @throws where Redis does not answer
   */
  recheckAll(keys: string[]): Promise<void>;
  /**
   * Reads the clock at the time of serving. A process that was paused since its last check sees that the check is
   * old.
   */
  isTrusted(entry: LoadedEntry): boolean;
  keep(key: string, entry: LoadedEntry): void;
  /** Returns what is kept, trusted or not. */
  peek(key: string): LoadedEntry | undefined;
}

interface MemoryOptions {
  floors: Floors;
  maxBytes: number;
  clock: () => number;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
  lineage?: Pick<Lineage, 'known'> | undefined;
}

export function createMemory({
  floors,
  maxBytes,
  clock,
  now = Date.now,
  lineage = onlyLineage,
}: MemoryOptions): Memory {
  const kept = new LRUCache<string, LoadedEntry>({
    maxSize: maxBytes,
    sizeCalculation: (entry, key) => entry.bytes + key.length,
  });
  /** Running checks, by the entry that they check. */
  const asked = new Map<LoadedEntry, Promise<boolean>>();
  const isOver = ({ until }: LoadedEntry) => until !== undefined && now() >= until;
  const isTrusted = (entry: LoadedEntry) => clock() - entry.asOf < trustedMs && !isOver(entry);
  const isPresent = (entry: LoadedEntry) => isSameLineage(entry.lineage, lineage.known());

  const check = async (entries: LoadedEntry[]): Promise<boolean> => {
    const asOf = clock();
    if ((await floors.check(lowestTags(entries))) !== 'above') return false;
    // The floors are of the present lineage. They say nothing about rows of another one.
    if (!entries.every(isPresent)) return false;
    for (const entry of entries) entry.asOf = Math.max(entry.asOf, asOf);
    return true;
  };
  /** Others who ask about one of these entries meanwhile share the answer. */
  const ask = (entries: LoadedEntry[]): Promise<boolean> => {
    const answer = check(entries).finally(() => {
      for (const entry of entries) asked.delete(entry);
    });
    for (const entry of entries) asked.set(entry, answer);
    return answer;
  };

  return {
    recall(key) {
      const entry = kept.get(key);
      return entry !== undefined && isTrusted(entry) ? entry : undefined;
    },
    async recheck(key) {
      const entry = kept.get(key);
      if (entry === undefined || isOver(entry)) return undefined;
      return (await (asked.get(entry) ?? ask([entry]))) ? entry : undefined;
    },
    async recheckAll(keys) {
      const entries = keys
        .map((key) => kept.get(key))
        .filter((entry) => entry !== undefined)
        .filter((entry) => !isOver(entry));
      if (entries.length === 0) return;
      const answers = new Set(entries.map((entry) => asked.get(entry)));
      const others = entries.filter((entry) => !asked.has(entry));
      if (others.length > 0) answers.add(ask(others));
      await Promise.all(answers);
    },
    isTrusted,
    keep: (key, entry) => kept.set(key, entry.outcome === 'hit' ? entry : { ...entry, outcome: 'hit' }),
    peek(key) {
      const entry = kept.get(key);
      return entry !== undefined && isPresent(entry) ? entry : undefined;
    },
  };
}

function lowestTags(entries: LoadedEntry[]): TagVersions {
  if (entries.length === 1) return entries[0]!.tags;
  const lowest: TagVersions = {};
  for (const { tags } of entries) {
    for (const tag in tags) lowest[tag] = Math.min(lowest[tag] ?? Number.POSITIVE_INFINITY, tags[tag]!);
  }
  return lowest;
}
