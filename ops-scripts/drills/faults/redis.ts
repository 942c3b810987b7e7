// Faults of Redis: lost, emptied, frozen, restarted without its data.
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Fault } from '../drill.ts';
import { freeze, wake } from '../freeze.ts';
import type { DrillRegionPart } from '../region.ts';
import { slowPostgres } from '../slow-postgres.ts';

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
