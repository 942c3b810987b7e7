// Defines the drills' faults of Postgres and Redis.
// Postgres is lost, frozen or without room on its disk, or its standby or replica is.
// Redis is lost, emptied, frozen, or back without its data.
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Fault, FaultContext } from '../drill.ts';
import type { DrillRegionPart } from '../region.ts';
import { freeze, slowPostgres, wake } from './slow-and-frozen.ts';

/** Faults of Postgres: its primary is lost or frozen, its standby, its replica. */
export const postgresFaults: Record<string, Fault> = {
  'kill-postgres-primary': {
    summary: 'kill -9 of the Postgres primary; its standby takes over',
    afterSeconds: 12,
    async inflict({ region, mark }) {
      region.signal(region.ofKind('postgres-primary'), 'SIGKILL');
      mark('kill -9 the Postgres primary');
    },
  },
  'freeze-postgres-primary': {
    summary: 'the Postgres primary stands still',
    afterSeconds: 12,
    async inflict({ region, mark, short }) {
      const primary = region.ofKind('postgres-primary');
      freeze(primary);
      mark('freeze the Postgres primary');
      await delay(short ? 4_000 : 10_000);
      wake(primary);
      mark('thaw');
    },
  },
  'kill-standby': {
    summary: 'kill -9 of the synchronous standby',
    async inflict({ region, mark }) {
      region.signal(region.ofKind('postgres-standby'), 'SIGKILL');
      mark('kill -9 the standby');
    },
  },
  'kill-replica': {
    summary: 'kill -9 of the read replica',
    async inflict({ region, mark }) {
      region.signal(region.ofKind('postgres-replica'), 'SIGKILL');
      mark('kill -9 the replica');
    },
  },
  'postgres-disk-full': {
    summary: "the primary's disk is full: no row fits, then no log; it is enlarged later",
    afterSeconds: 12,
    needs: 'small-disks',
    async inflict({ region, mark, note, short }) {
      const primary = region.ofKind('postgres-primary');
      await region.disks!.fill(primary);
      mark(`fill the disk of ${primary.name}`);
      await delay(short ? 4_000 : 10_000);
      await demandRoomForLog(primary.url);
      mark('its log needs room');
      await delay(short ? 6_000 : 10_000);
      await region.disks!.free(primary);
      mark('enlarge the disk');
      await region.refresh();
      const { name } = region.ofKind('postgres-primary');
      note(name === primary.name ? `${name} went on as primary` : `${name} took over from ${primary.name}`);
    },
  },
  'zone-loss': {
    summary: "one zone's origin, Postgres primary and Redis primary at once",
    afterSeconds: 15,
    loses: (state) => state === 'sticky',
    async inflict({ region, mark }) {
      const primary = region.ofKind('postgres-primary');
      const origin = region.origins().find(({ zone }) => zone === primary.zone) ?? region.origins()[0]!;
      for (const part of [primary, origin, region.ofKind('redis-primary')]) region.signal(part, 'SIGKILL');
      mark(`lose zone ${primary.zone}`);
    },
  },
  'slow-postgres': {
    summary: 'commits take 0.2 to 3 s; meanwhile Redis is emptied, and later an origin is killed',
    afterSeconds: 12,
    loses: (state) => state === 'sticky',
    async inflict(context) {
      const { region, mark, note, random, short, journalled } = context;
      const before = journalled();
      const slow = await slowPostgres(context);
      await delay(random.integer(2_000, short ? 4_000 : 8_000));
      await emptyRedis(region.ofKind('redis-primary'));
      mark('FLUSHALL');
      // After this pause, Redis has again what it lost, so that the next fault is a single one.
      await delay(random.integer(4_000, short ? 6_000 : 9_000));
      const origin = random.pick(region.origins());
      region.signal(origin, 'SIGKILL');
      mark(`kill -9 ${origin.name}`);
      await delay(short ? 3_000 : 8_000);
      await slow.end();
      note(`${journalled() - before} writes were acknowledged from the journal meanwhile`);
    },
  },
  'double-fault': {
    summary:
      'Postgres away and, before the journals are drained, all of Redis emptied; the origins hold the rest',
    afterSeconds: 15,
    async inflict(context) {
      const { region, mark, note } = context;
      const thaw = await takePostgresAway(context);
      await emptyRedis(region.ofKind('redis-primary'));
      mark('empty all of Redis');
      thaw();
      note('Writes that only the journal and the origins held were at stake');
    },
  },
  'triple-fault': {
    summary: 'as double-fault, and every origin killed as well: the three at once that lose',
    afterSeconds: 15,
    loses: (state) => state === 'server' || state === 'sticky',
    async inflict(context) {
      const { region, mark, note } = context;
      const thaw = await takePostgresAway(context);
      for (const origin of region.origins()) region.signal(origin, 'SIGKILL');
      mark('kill -9 every origin');
      await emptyRedis(region.ofKind('redis-primary'));
      mark('empty all of Redis');
      thaw();
      note('Writes that only the journal and the origins held are gone: all three places were lost at once');
    },
  },
};

/** Freezes both servers until writes are acknowledged without them. @returns a function that wakes them */
async function takePostgresAway({ region, mark, journalled, state }: FaultContext): Promise<() => void> {
  const servers = ['postgres-primary', 'postgres-standby'].map((kind) => region.ofKind(kind));
  for (const server of servers) freeze(server);
  mark('freeze primary and standby');
  const thaw = () => {
    for (const server of servers) wake(server);
    mark('thaw');
  };
  try {
    const before = journalled();
    await delay(3_000);
    // This takes longer on a busy machine. The fault needs acknowledged writes, because nothing else can be lost.
    if (state === 'server') await untilJournalled(() => journalled() - before);
    return thaw;
  } catch (error) {
    thaw();
    throw error;
  }
}

const writesAtStake = 20;
const journalMs = 20_000;

/** @param count the writes that only the journal has @throws if there are none after a while */
async function untilJournalled(count: () => number): Promise<void> {
  const until = performance.now() + journalMs;
  while (count() < writesAtStake && performance.now() < until) await delay(100);
  if (count() === 0) throw new Error('Cannot lose a journal as no write was acknowledged by one');
}

/**
 * Ends segments of the log before they are full until the server can't begin another one. The server then stops itself.
 */
async function demandRoomForLog(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (let segment = 0; segment < 40; segment++)
      await client.query("select pg_logical_emit_message(false, 'drill', ''), pg_switch_wal()");
  } catch {
    // The server has stopped.
  } finally {
    void client.end().catch(() => undefined);
  }
}

/** Faults of Redis: lost, emptied, frozen, restarted without its data. */
export const redisFaults: Record<string, Fault> = {
  'kill-redis-primary': {
    summary: 'kill -9 of the Redis primary; its replica takes over',
    async inflict({ region, mark }) {
      region.signal(region.ofKind('redis-primary'), 'SIGKILL');
      mark('kill -9 the Redis primary');
    },
  },
  'flush-redis': {
    summary: 'FLUSHALL on the Redis primary at any moment, also while Postgres is slow and journals wait',
    afterSeconds: 10,
    async inflict(context) {
      const { region, mark, random, short } = context;
      await delay(random.integer(0, 1_000));
      await emptyRedis(region.ofKind('redis-primary'));
      mark('FLUSHALL');
      await delay(short ? 1_500 : 4_000);
      const slow = await slowPostgres(context);
      for (let round = 0; round < (short ? 1 : 3); round += 1) {
        await delay(random.integer(2_000, 5_000));
        await emptyRedis(region.ofKind('redis-primary'));
        mark('FLUSHALL');
      }
      await delay(short ? 1_000 : 3_000);
      await slow.end();
    },
  },
  'freeze-redis': {
    summary: 'the Redis primary stands still, then goes on',
    async inflict({ region, mark, short }) {
      const primary = region.ofKind('redis-primary');
      freeze(primary);
      mark('freeze the Redis primary');
      await delay(short ? 3_000 : 8_000);
      wake(primary);
      mark('thaw');
    },
  },
  'redis-restart-empty': {
    summary: 'Redis loses all data, and its primary is killed',
    async inflict({ region, mark }) {
      const primary = region.ofKind('redis-primary');
      await emptyRedis(primary);
      region.signal(primary, 'SIGKILL');
      mark('FLUSHALL everywhere and kill -9 the Redis primary');
    },
  },
};

const heardMs = 1_000;

/** Empties one Redis server with FLUSHALL. Returns once a replica has received that too. */
export async function emptyRedis({ url }: Pick<DrillRegionPart, 'url'>): Promise<void> {
  const redis = new Redis(url, { connectTimeout: 2_000, commandTimeout: 5_000, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.flushall();
    await redis.wait(1, heardMs);
  } finally {
    redis.disconnect();
  }
}
