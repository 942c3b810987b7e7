// A small world for the fence: rows with versions, two origins' caches before one real Redis, a clock that tests turn, and fills that can be held.
import type { Redis } from 'ioredis';
import { createEntryStore } from '../../origin/cache/entry-store.ts';
import { createFencedCache, type FencedCache, trustedMs } from '../../origin/cache/fenced-cache.ts';
import { createFloors, type Floors } from '../../origin/cache/floors.ts';
import type { TagVersions } from '../../origin/outbox/events.ts';
import type { Db } from '../../origin/postgres/database.ts';
import { type RunId, trackRunId } from '../../origin/redis/run-id.ts';

/** Bugs that a checker must find. */
export type PlantedBug = 'no floor check' | 'any run id' | 'clock stands still';

export interface World {
  change(tag: string): Promise<void>;
  /** Starts a read; its fill stops between query and store while `hold` is on. */
  read(origin: number, tag: string): void;
  hold(on: boolean): void;
  wait(ms: number): void;
  /** Waits for every read and change, then lists those that saw less than was done before they began. */
  judge(): Promise<string[]>;
}

export interface Connection {
  redis: Redis;
  server: RunId;
}

export function connectionOf(redis: Redis): Connection {
  return { redis, server: trackRunId(redis) };
}

export function createWorld(connections: Connection[], bug?: PlantedBug): World {
  const rows = new Map<string, number>();
  const done = new Map<string, number>();
  const stale: string[] = [];
  const pending: Promise<unknown>[] = [];
  const held: (() => void)[] = [];
  let holding = false;
  let nowMs = 0;

  const readVersions = async (_db: unknown, tags: string[]): Promise<TagVersions> =>
    Object.fromEntries(tags.map((tag) => [tag, rows.get(tag) ?? 1]));
  const db = undefined as unknown as Db;
  const sides = connections.map((connection) => createSide(connection, db, readVersions, () => nowMs, bug));

  const fill = async (tag: string) => {
    const version = rows.get(tag) ?? 1;
    if (holding) await new Promise<void>((resolve) => held.push(resolve));
    return { value: version, tags: { [tag]: version } };
  };

  const readAndCompare = async (origin: number, tag: string) => {
    const least = done.get(tag) ?? 1;
    const { value, outcome } = await sides[origin]!.cache.read<number>({ key: tag, fill: () => fill(tag) });
    if (value < least)
      stale.push(`origin ${origin} saw ${tag}@${value} (${outcome}) after @${least} was done`);
  };

  const release = () => {
    for (const resolve of held.splice(0)) resolve();
  };

  return {
    async change(tag) {
      const version = (rows.get(tag) ?? 1) + 1;
      rows.set(tag, version);
      try {
        await sides[0]!.floors.raise({ [tag]: version });
      } catch {
        // Redis is just away: not done, and the job would be tried again.
        return;
      }
      nowMs += 2 * trustedMs;
      done.set(tag, Math.max(version, done.get(tag) ?? 1));
    },
    read: (origin, tag) => pending.push(readAndCompare(origin, tag)),
    hold(on) {
      holding = on;
      if (!on) release();
    },
    wait: (ms) => {
      nowMs += ms;
    },
    async judge() {
      holding = false;
      release();
      await Promise.all(pending);
      return stale;
    },
  };
}

function createSide(
  { redis, server }: Connection,
  db: Db,
  read: (db: unknown, tags: string[]) => Promise<TagVersions>,
  clock: () => number,
  bug: PlantedBug | undefined,
): { cache: FencedCache; floors: Floors } {
  const anyRunId: RunId = { current: () => 'a-server' };
  const floors = createFloors({
    redis,
    db,
    readers: [read],
    server: bug === 'any run id' ? anyRunId : server,
  });
  const checked: Floors = bug === 'no floor check' ? { ...floors, check: async () => 'above' } : floors;
  const entries = createEntryStore(redis, { forEntries: async () => true });
  const cache = createFencedCache({
    db,
    floors: checked,
    entries,
    l1Bytes: 1_000_000,
    clock: bug === 'clock stands still' ? () => 0 : clock,
  });
  return { cache, floors };
}
