// Bugs that a checker must find, each planted around the real parts, and for each a play in which it does harm.
import type { Redis } from 'ioredis';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { EntryStore } from '../../origin/cache/entry-store.ts';
import type { Floors } from '../../origin/invalidation/floors.ts';
import type { RunId } from '../../origin/redis/versioned-reads.ts';
import type { Step } from './steps.ts';
import type { TwoRedis } from './two-redis.ts';

export type PlantedBug =
  | "no floor check where Redis's entries are read"
  | "no floor check where an origin's memory is served"
  | 'no floor check at the edge'
  | 'the lease of an unknown floor is ignored'
  | 'the lease of the edge is ignored'
  | 'the lease of the edge is counted from arrival'
  | 'a floor of another run id is believed'
  | 'rows of a replica are not compared'
  | "the clock of an origin's memory is read before the pause";

export const witnesses: Record<PlantedBug, Step[]> = {
  "no floor check where Redis's entries are read": ['read at origin 0', 'change', 'read at origin 1'],
  "no floor check where an origin's memory is served": [
    'read at origin 0',
    'change',
    'wait 60 ms',
    'read at origin 0',
  ],
  'no floor check at the edge': ['read at the edge', 'change', 'read at the edge'],
  // The first reader asks the primary and pauses. Its old answer then becomes the floor of a Redis that was emptied
  // meanwhile.
  'the lease of an unknown floor is ignored': [
    'read at origin 0',
    'empty Redis',
    'hold',
    'wait 60 ms',
    'read at origin 0',
    'change',
    'empty Redis',
    'let go',
    'wait 60 ms',
    'read at origin 0',
  ],
  'the lease of the edge is ignored': [
    'read at the edge',
    'words are lost',
    'change',
    'wait 4.2 s',
    'wait 900 ms',
    'read at the edge',
  ],
  'the lease of the edge is counted from arrival': [
    'read at the edge',
    'words wait',
    'wait 900 ms',
    'wait 900 ms',
    'words are lost',
    'change',
    'wait 4.2 s',
    'deliver the oldest word',
    'wait 900 ms',
    'read at the edge',
  ],
  'a floor of another run id is believed': [
    'read at origin 0',
    'copy Redis',
    'change',
    'fail over Redis',
    'wait 60 ms',
    'read at origin 1',
  ],
  'rows of a replica are not compared': ['change', 'read at origin 0'],
  "the clock of an origin's memory is read before the pause": [
    'read at origin 0',
    'stand still',
    'change',
    'read at origin 0',
  ],
};

export const plantedBugs = Object.keys(witnesses) as PlantedBug[];

/**
 * Leaves out the check of floors in one tier. An entry from Redis is checked when it is read, and an entry of an
 * origin's memory each time after.
 */
export function leaveOutChecks(
  bug: PlantedBug | undefined,
  floors: Floors,
  entries: EntryStore,
): { floors: Floors; entries: EntryStore } {
  const fromRedis = new WeakSet<TagVersions>();
  const checked = new WeakSet<TagVersions>();
  const note = <T extends { tags: TagVersions } | undefined>(entry: T): T => {
    if (entry !== undefined) fromRedis.add(entry.tags);
    return entry;
  };
  return {
    entries: {
      ...entries,
      get: async (key) => note(await entries.get(key)),
      awaitEntry: async (key) => note(await entries.awaitEntry(key)),
    },
    floors: {
      ...floors,
      async check(tags) {
        const isFirst = !checked.has(tags);
        checked.add(tags);
        if (bug === "no floor check where Redis's entries are read" && isFirst && fromRedis.has(tags))
          return 'above';
        if (bug === "no floor check where an origin's memory is served" && !isFirst) return 'above';
        return floors.check(tags);
      },
    },
  };
}

export function serverOf(redis: TwoRedis, bug: PlantedBug | undefined): RunId {
  return bug === 'a floor of another run id is believed' ? { current: () => 'any-server' } : redis.server;
}

/** Makes every answer of the primary the floor, even if another process has taken the lease away meanwhile. */
export function ignoreLeases(redis: Redis): Redis {
  return new Proxy(redis, {
    get(target, name) {
      if (name !== 'restoreFloor') return Reflect.get(target, name);
      return async (...args: Parameters<Redis['restoreFloor']>) => {
        const [, lease, token] = args;
        await target.set(lease, token);
        return target.restoreFloor(...args);
      };
    },
  });
}
