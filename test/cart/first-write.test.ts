// The first write of a cart is all that there is of it: its copy is made at once, and read from Postgres only where a
// journal says more.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyToCarts } from '../../origin/cart/server/apply-to-carts.ts';
import type { CopyUpdate } from '../../origin/cart/server/cart-copies.ts';
import { publishCopies } from '../../origin/cart/server/publish-copies.ts';
import { openServerStores, type ServerStores } from '../../origin/cart/server/server-stores.ts';
import { createDatabase, startRedis } from '../support/stores.ts';
import { openCartWorld } from './support/cart-world.ts';

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

test('where its journal holds something meanwhile, Postgres is asked, and others of the batch are told all the same', async () => {
  const [other, update] = [await firstWrite(), await firstWrite()];
  const operation = anAdd();
  await stores.journal.append({ cartId: update.cartId, operation, madeOn: 0 });
  const told = await publishCopies(stores.copies, unasked, [other, update]);
  expect(told?.get(other.cartId)).toEqual([]);
  expect(told?.get(update.cartId)).toBeUndefined();
  const left = await publishCopies(stores.copies, stores.read, [update]);
  expect(left?.get(update.cartId)).toMatchObject([operation]);
});
