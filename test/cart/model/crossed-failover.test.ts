// Found by the model, too rare to find again by chance: a `set` is answered as applied from a copy that the failover
// then takes away.
import { setImmediate as filled } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { NamedCart } from '../../../origin/cart/server/named-cart.ts';
import { viewCart } from '../../../origin/cart/server/view-cart.ts';
import { writeCart } from '../../../origin/cart/server/write-cart.ts';
import { pieces } from '../support/cart-world.ts';
import { strike } from './loses-nothing.ts';
import { type Answer, type Bug, openModel } from './model-stores.ts';

test('the next set of the line counts, although the first one’s version was never seen', async () => {
  expect(await quantityInTheEnd()).toBe(4);
});

test('it would be passed over if the version in the answer were forgotten', async () => {
  expect(await quantityInTheEnd('version-forgotten')).toBe(2);
});

async function quantityInTheEnd(bug?: Bug): Promise<number | undefined> {
  const answers: Answer[] = [];
  const model = openModel(
    () => Promise.resolve(),
    () => answers.shift() ?? 'ok',
    bug,
  );
  const cart: NamedCart = {
    cartId: 'c',
    version: 0,
    journalled: false,
    received: undefined,
    accountId: '1',
  };
  const set = async (quantity: number) => {
    const opId = `set-${quantity}`;
    const written = await writeCart(model.stores, cart, {
      opId,
      fingerprint: opId,
      kind: 'set',
      variantId: 'shirt',
      quantity,
    });
    cart.version = Math.max(cart.version, written!.version);
    cart.journalled = written!.journalled;
  };
  const { append } = model.stores.journal;
  model.stores.journal.append = async (entry) => {
    await filled();
    const appended = await append(entry);
    if (appended.outcome === 'applied') for (const fault of bothStoresFail) strike(model, fault);
    return appended;
  };

  // The write commits, its answer is lost; the view before the journal fills the copy, which then knows the operation.
  answers.push('ok', 'lost-after');
  await set(2);
  expect(model.postgres.up).toBe(false);
  await set(4);
  strike(model, 'postgres-up');
  await writeCart(model.stores, cart, {
    opId: 'last',
    fingerprint: 'last',
    kind: 'add',
    variantId: 'hat',
    quantity: 1,
  });
  return pieces((await viewCart(model.stores, cart)).contents)['shirt'];
}

const bothStoresFail = ['postgres-down', 'failover', 'replica'];
