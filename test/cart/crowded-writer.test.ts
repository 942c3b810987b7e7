// More cart writes at once than Postgres commits in their time: who only waits behind others waits on, who waits for a
// silent Postgres does not.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { createCartWriter, PostgresSilent } from '../../origin/cart/server/cart-writer.ts';
import type { StoreWatch } from '../../origin/cart/server/store-watch.ts';
import { createPool } from '../../origin/postgres/database.ts';
import { createDatabase } from '../support/stores.ts';

const answers: StoreWatch = {
  isAway: () => false,
  unanswered: () => undefined,
  whenAway: () => () => undefined,
  close: () => undefined,
};

/**
 * Many shoppers of a cart each, whose patience ends long before the last turn. @returns how many of their writes were
 * committed
 */
async function committedOf(shoppers: number, roundSeconds: number): Promise<number> {
  await using database = await createDatabase();
  const pool = createPool({ url: database.url, name: 'cart-writer', max: 2, queryTimeoutMs: 5_000 });
  await pool.query(`
    create function take_time() returns trigger language plpgsql as
      $$ begin perform pg_sleep(${roundSeconds}); return null; end $$;
    create trigger slow after insert or update on carts for each statement execute function take_time()`);
  const writer = createCartWriter({ pool, watch: answers, publish: async () => new Map() });
  const write = (deadlineMs: number) => {
    const operation = {
      opId: randomUUID(),
      fingerprint: '',
      kind: 'add' as const,
      variantId: '1',
      quantity: 1,
    };
    return writer.apply({ cartId: randomUUID(), journal: [], waiting: [operation] }, deadlineMs);
  };
  // Connections are open, code has run.
  await write(performance.now() + 5_000);
  const deadlineMs = performance.now() + 300;
  const writes = Array.from({ length: shoppers }, () => write(deadlineMs));
  const ended = await Promise.allSettled(writes);
  await writer.close();
  const silent = ended.filter((one) => one.status === 'rejected' && one.reason instanceof PostgresSilent);
  expect(silent.length + ended.filter(({ status }) => status === 'fulfilled').length).toBe(shoppers);
  return shoppers - silent.length;
}

test('all are committed while rounds go on to end', async () => {
  expect(await committedOf(600, 0.05)).toBe(600);
});

test('nobody waits on where no round ends', async () => {
  expect(await committedOf(10, 0.6)).toBe(0);
});
