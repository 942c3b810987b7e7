import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { emptyRedisBetweenJournals } from '../../ops-scripts/drills/empty-redis.ts';
import { copyKey, journalIndexKeys } from '../../origin/cart/server/cart-keys.ts';
import { startRedis } from '../support/stores.ts';

test('Redis is emptied only when no cart has a journal, and then of everything', async () => {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  try {
    const index = journalIndexKeys.at(-1)!;
    await redis.set(copyKey('some-cart'), 'a copy');
    await redis.sadd(index, 'some-cart');
    const emptying = emptyRedisBetweenJournals(server).then(() => 'emptied');
    expect(await Promise.race([emptying, delay(200, 'waits')])).toBe('waits');
    expect(await redis.dbsize()).toBe(2);
    await redis.srem(index, 'some-cart');
    expect(await emptying).toBe('emptied');
    expect(await redis.dbsize()).toBe(0);
  } finally {
    redis.disconnect();
  }
});
