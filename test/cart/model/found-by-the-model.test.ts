// Bugs that the model or a drill found, and that random schedules rarely find again.
import { setImmediate as filled } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { applyToCarts } from '../../../origin/cart/server/apply-to-carts.ts';
import { fillCopy } from '../../../origin/cart/server/publish-copies.ts';
import { type NamedCart, viewCart } from '../../../origin/cart/server/view-cart.ts';
import { writeCart } from '../../../origin/cart/server/write-cart.ts';
import { pieces } from '../support/cart-world.ts';
import { strike } from './loses-nothing.ts';
import { type Answer, type Bug, type Model, openModel } from './model-stores.ts';

test('the next set of the line counts, although the first one’s version was never seen', async () => {
  expect(await quantityInTheEnd()).toBe(4);
});

test('the next set would be ignored if the version in the answer were forgotten', async () => {
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

  // The write commits and its answer is lost. The view before the journal's append fills the copy, which then names
  // the operation.
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

// A drill on a full disk found this: a journal held more operations than a copy can name. A copy that was read anew
// from Postgres named only the newest of them, and a view counted the others twice.

const hats = Array.from({ length: 6 }, (_, index) => `hat-${index}`);
const cart: NamedCart = {
  cartId: 'c',
  version: 0,
  journalled: true,
  received: undefined,
  accountId: '1',
};

describe('committed while the journal still holds it', () => {
  test('is shown once', async () => {
    expect(await shownAfterAFill(drainedBefore)).toEqual(Object.fromEntries(hats.map((hat) => [hat, 1])));
  });

  test('would be shown twice if the fill did not ask Postgres for the ids of the journal', async () => {
    expect(Object.values(await shownAfterAFill(drainedBefore, 'fill-blind-to-journal'))).toContain(2);
  });
});

describe('journalled and committed while a copy is read from Postgres', () => {
  test('is shown once', async () => {
    expect(await shownAfterAFill(drainedMeanwhile)).toEqual(Object.fromEntries(hats.map((hat) => [hat, 1])));
  });

  test('would be shown twice if the copy were saved beside ids that were not asked for', async () => {
    expect(Object.values(await shownAfterAFill(drainedMeanwhile, 'fill-unjudged'))).toContain(2);
  });
});

type Fill = (model: Model) => Promise<unknown>;

async function drainedBefore(model: Model): Promise<unknown> {
  await journalAndCommit(model);
  return fillCopy(model.stores.copies, model.stores.read, 'c');
}

async function drainedMeanwhile(model: Model): Promise<unknown> {
  const { read } = model.stores.copies;
  let first = true;
  const crossed = async (cartId: string) => {
    const held = await read(cartId);
    if (first) {
      first = false;
      await journalAndCommit(model);
    }
    return held;
  };
  return fillCopy({ ...model.stores.copies, read: crossed }, model.stores.read, 'c');
}

/** Journals operations while Postgres is away. A worker then commits them, and is killed before it updates Redis. */
async function journalAndCommit(model: Model): Promise<void> {
  model.postgres.up = false;
  for (const hat of hats) {
    await writeCart(model.stores, cart, {
      opId: hat,
      fingerprint: hat,
      kind: 'add',
      variantId: hat,
      quantity: 1,
    });
  }
  model.postgres.up = true;
  const { journal } = (await model.stores.copies.read('c'))!;
  await applyToCarts(model.stores.read, [{ cartId: 'c', journal, waiting: [] }]);
}

/** @returns the pieces that a browser sees after the fill, while Postgres is away again */
async function shownAfterAFill(fill: Fill, bug?: Bug): Promise<Record<string, number>> {
  const model = openModel(
    () => Promise.resolve(),
    () => 'ok',
    bug,
  );
  await fill(model);
  model.postgres.up = false;
  return pieces((await viewCart(model.stores, cart)).contents);
}

test('a set that was committed directly and journalled as well does not outlive the sets after it when the copy is read anew', async () => {
  const model = openModel(
    () => Promise.resolve(),
    () => 'ok',
  );
  const set = (opId: string, quantity: number) => ({
    opId,
    fingerprint: opId,
    kind: 'set' as const,
    variantId: 'hat',
    quantity,
  });
  // The set is committed, but its answer is lost, so it is journalled too.
  await applyToCarts(model.stores.read, [{ cartId: 'c', journal: [], waiting: [set('first', 5)] }]);
  model.postgres.up = false;
  await writeCart(model.stores, cart, set('first', 5));
  await writeCart(model.stores, cart, set('second', 3));
  model.postgres.up = true;
  await fillCopy(model.stores.copies, model.stores.read, 'c');
  expect(pieces((await viewCart(model.stores, cart)).contents)).toEqual({ hat: 3 });
  const { journal } = (await model.stores.copies.read('c'))!;
  await applyToCarts(model.stores.read, [{ cartId: 'c', journal, waiting: [] }]);
  expect(pieces(model.postgres.contents)).toEqual({ hat: 3 });
});
