// Faults of Redis: lost, emptied, frozen, back without its data.
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../drill.ts';
import { emptyRedis } from '../empty-redis.ts';
import { freeze, wake } from '../freeze.ts';
import type { Region } from '../region.ts';

export const redisFaults: Record<string, Fault> = {
  'kill-redis-primary': {
    summary: 'kill -9 of the Redis primary; its replica takes over',
    async inflict({ region, mark }) {
      region.signal(region.ofKind('redis-primary'), 'SIGKILL');
      mark('kill -9 the Redis primary');
    },
  },
  'flush-redis': {
    summary: 'FLUSHALL on the Redis primary',
    async inflict({ region, mark }) {
      await emptyRedis(region.ofKind('redis-primary'));
      mark('FLUSHALL');
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
      await emptyAllRedis(region);
      region.signal(region.ofKind('redis-primary'), 'SIGKILL');
      mark('FLUSHALL everywhere and kill -9 the Redis primary');
    },
  },
};

/** Each node by itself, so that nothing of the old data is left to copy back. */
export async function emptyAllRedis(region: Region): Promise<void> {
  const nodes = region.parts.filter(({ kind }) => kind.startsWith('redis-'));
  await Promise.all(nodes.map((node) => emptyRedis(node).catch(() => undefined)));
}
