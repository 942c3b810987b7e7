// "Was" stands beside a price only as the law has it: the lowest price of the 30 days before a reduction.
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { saveProduct } from '../../origin/catalog/change/save-product.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';
import { aProduct, aVariant } from './open-catalog.ts';

let shop: Shop;
let staff: Browser;
let id: string;
beforeAll(async () => {
  shop = await openShop({ worker: true });
  staff = await shop.staff();
  id = (await staff.get(`/api/products/${shop.slug}`)).body.id;
});
afterAll(() => shop[Symbol.asyncDispose]());

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const history = () =>
  shop.deps.db
    .selectFrom('variant_prices')
    .selectAll()
    .where('variant_id', '=', shop.variants[0]!.id)
    .orderBy('until')
    .execute();
/** Makes all that has happened so far older. */
const letDaysPass = async (days: number) => {
  await sql`
    update variant_prices set until = until - make_interval(days => ${days}), since = since - make_interval(days => ${days})`.execute(
    shop.deps.db,
  );
};
const patch = async (body: Record<string, unknown>): Promise<Json> => {
  const answer = await staff.patch(`/api/staff/products/${id}`, body, { Prefer: 'wait=5' });
  expect(answer.status).toBe(200);
  return answer.body.product;
};
/** As shoppers see it: on the product and in a list. */
const shown = async () => {
  const { body: product } = await shop.browser().get(`/api/products/${shop.slug}`);
  const { body: list } = await shop.browser().get('/api/products?q=tee');
  expect(list.items[0].was).toEqual(product.was);
  return product.was;
};
beforeEach(async () => {
  await patch({ price: eur(1_999) });
  await shop.deps.db.deleteFrom('variant_prices').execute();
});

describe('a reduction', () => {
  test('shows the price of before, on lists and pages too, until the price changes again', async () => {
    expect((await patch({ price: eur(1_499), sale: true })).was).toEqual(eur(1_999));
    expect(await shown()).toEqual(eur(1_999));
    for (const path of [`/p/${shop.slug}`, '/search?q=tee'])
      expect(await (await shop.browser().request(path)).text()).toMatch(/<s class="was">.*€19\.99<\/s>/);
    await patch({ name: 'Plain tee in another name' });
    await patch({ price: eur(1_499) });
    expect(await shown()).toEqual(eur(1_999));
    for (const price of [1_399, 1_499, 2_999]) {
      await patch({ price: eur(price) });
      expect(await shown()).toBeUndefined();
    }
  });

  test('after a raise shows the lowest price of 30 days, not the raised one', async () => {
    await patch({ price: eur(2_999) });
    expect((await patch({ price: eur(1_799), sale: true })).was).toEqual(eur(1_999));
    await letDaysPass(29);
    expect((await patch({ price: eur(999), sale: true })).was).toEqual(eur(1_799));
  });

  test('that was prepared by a raise, to what it cost before or more, shows nothing', async () => {
    await patch({ price: eur(2_999) });
    expect((await patch({ price: eur(1_999), sale: true })).was).toBeUndefined();
    await patch({ price: eur(2_999) });
    expect((await patch({ price: eur(2_499), sale: true })).was).toBeUndefined();
    expect((await patch({ price: eur(2_999), sale: true })).was).toBeUndefined();
  });

  test('forgets a price that ended 31 days ago, and remembers one that ended 29 days ago', async () => {
    await patch({ price: eur(2_999) });
    await letDaysPass(31);
    expect((await patch({ price: eur(2_499), sale: true })).was).toEqual(eur(2_999));
    await patch({ price: eur(1_999) });
    await patch({ price: eur(2_999) });
    await letDaysPass(29);
    expect((await patch({ price: eur(2_499), sale: true })).was).toBeUndefined();
  });

  test('that is none, or has no price, is told or shows nothing', async () => {
    expect((await patch({ price: eur(1_999), sale: true })).was).toBeUndefined();
    expect((await patch({ price: eur(1_499), sale: false })).was).toBeUndefined();
    const answer = await staff.patch(`/api/staff/products/${id}`, { sale: true });
    expect([answer.status, answer.body.code]).toEqual([422, 'invalid-body']);
  });
});

test('Every price that a variant had is kept with its time, and the next one ends it', async () => {
  await patch({ price: eur(1_799) });
  await patch({ price: eur(1_799) });
  await patch({ price: eur(1_699) });
  const prices = await history();
  expect(prices.map(({ amount }) => amount)).toEqual([1_999, 1_799]);
  expect(prices[0]!.since).toBeNull();
  expect(prices[1]!.since).toEqual(prices[0]!.until);
});

test('A product file that changes the price ends the sale and is in the history; one that does not, leaves it', async () => {
  await patch({ price: eur(1_499), sale: true });
  const save = (priceAmount: number) =>
    shop.deps.db.transaction().execute((tx) =>
      saveProduct(
        tx,
        aProduct('plain-tee', {
          variants: ['S', 'M'].map((size) => aVariant('plain-tee', size, 'Navy', { priceAmount })),
        }),
      ),
    );
  await save(1_499);
  const was = async () => (await staff.patch(`/api/staff/products/${id}`, {})).body.product.was;
  expect(await was()).toEqual(eur(1_999));
  await save(1_399);
  expect(await was()).toBeUndefined();
  expect((await history()).map(({ amount }) => amount)).toEqual([1_999, 1_499]);
});
