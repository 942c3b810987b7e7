// The writer of carts where stores are slow or many shoppers write at once, and the first write of a cart.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyToCarts } from '../../origin/cart/server/apply-to-carts.ts';
import type { CopyUpdate } from '../../origin/cart/server/cart-copies.ts';
import { createCartWriter, PostgresSilent } from '../../origin/cart/server/cart-writer.ts';
import { publishCopies } from '../../origin/cart/server/publish-copies.ts';
import { openServerStores, type ServerStores } from '../../origin/cart/server/server-stores.ts';
import { createStoreWatch, type StoreWatch } from '../../origin/cart/server/store-watch.ts';
import { createPool } from '../../origin/postgres/database.ts';
import { createDatabase, startRedis } from '../support/stores.ts';
import { openCartWorld } from './support/cart-world.ts';

const answers: StoreWatch = {
  isAway: () => false,
  unanswered: () => undefined,
  whenAway: () => () => undefined,
  close: () => undefined,
};

/**
 * Many shoppers write to a cart each. Their deadline ends long before the last round.
 * @returns how many of their writes were committed
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
  // A first write, so that connections are open and code is compiled.
  await write(performance.now() + 5_000);
  const deadlineMs = performance.now() + 300;
  const writes = Array.from({ length: shoppers }, () => write(deadlineMs));
  const ended = await Promise.allSettled(writes);
  await writer.close();
  const silent = ended.filter((one) => one.status === 'rejected' && one.reason instanceof PostgresSilent);
  expect(silent.length + ended.filter(({ status }) => status === 'fulfilled').length).toBe(shoppers);
  return shoppers - silent.length;
}

test('all writes are committed while rounds still complete', async () => {
  expect(await committedOf(600, 0.05)).toBe(600);
});

test('no write waits longer than its deadline where no round completes', async () => {
  expect(await committedOf(10, 0.6)).toBe(0);
});

// Quick probes take a slow store for away. A patient probe must then find it again.

const probeMs = 10;
const answerMs = 50;

/** A probe whose deadline is shorter than the store's answer fails, and is only counted. */
function watchSlowStore(patientProbeMs: number) {
  /** The deadlines of its probes, in their order. */
  const probed: number[] = [];
  const watch = createStoreWatch({
    async probe(deadlineMs) {
      probed.push(deadlineMs);
      await delay(Math.min(deadlineMs, answerMs));
      if (deadlineMs < answerMs) throw new Error('silent');
    },
    probeMs,
    patientProbeMs,
    silentProbes: 2,
    isRefusal: () => false,
  });
  return { watch, probed };
}

test('a slow store is away after two quick probes, and back after one patient probe', async () => {
  const patientMs = 100 * answerMs;
  const { watch, probed } = watchSlowStore(patientMs);
  const away = Promise.withResolvers<void>();
  watch.whenAway(away.resolve);
  watch.unanswered();
  await away.promise;
  await expect.poll(() => watch.isAway()).toBe(false);
  expect(probed).toEqual([probeMs, probeMs, patientMs]);
});

test('without patience it would stay away for as long as it is slow', async () => {
  const { watch, probed } = watchSlowStore(probeMs);
  watch.unanswered();
  await expect.poll(() => probed.length).toBeGreaterThan(20);
  expect(watch.isAway()).toBe(true);
  watch.close();
});

// The first write of a cart is all that the cart has, so its copy is made at once. It is read from Postgres only
// where a journal holds more.

const standing = new AsyncDisposableStack();
let stores: ServerStores;
beforeAll(async () => {
  const database = standing.use(await createDatabase());
  const redis = standing.use(await startRedis());
  const world = standing.use(await openCartWorld({ databaseUrl: database.url, redisUrl: redis.url }));
  stores = openServerStores(world.deps);
  standing.defer(() => stores.close());
});
afterAll(() => standing.disposeAsync());

function anAdd() {
  return { opId: randomUUID(), fingerprint: 'f', kind: 'add' as const, variantId: '1', quantity: 1 };
}

async function firstWrite(): Promise<CopyUpdate> {
  const task = { cartId: randomUUID(), journal: [], waiting: [anAdd()] };
  const [applied] = await applyToCarts(stores.read, [task]);
  if (applied?.kind !== 'applied') throw new Error('A new cart could not be written');
  return applied.update;
}

const unasked = () => Promise.reject(new Error('Postgres was asked'));

test('its copy is made without asking Postgres, and bears the operation', async () => {
  const update = await firstWrite();
  const left = await publishCopies(stores.copies, unasked, [update]);
  expect(left?.get(update.cartId)).toEqual([]);
  const held = await stores.copies.read(update.cartId);
  expect(held?.copy?.contents).toEqual(update.cart.contents);
  expect(held?.copy?.has(update.operations[0]!.opId)).toBe(true);
});

test('where its journal holds an operation meanwhile, Postgres is read, and the other carts of the batch are copied all the same', async () => {
  const [other, update] = [await firstWrite(), await firstWrite()];
  const operation = anAdd();
  await stores.journal.append({ cartId: update.cartId, operation, madeOn: 0 });
  const told = await publishCopies(stores.copies, unasked, [other, update]);
  expect(told?.get(other.cartId)).toEqual([]);
  expect(told?.get(update.cartId)).toBeUndefined();
  const left = await publishCopies(stores.copies, stores.read, [update]);
  expect(left?.get(update.cartId)).toMatchObject([operation]);
});
