// "Was" is shown by the legal rule: the lowest price of the 30 days before a reduction.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { saveProduct } from '../../origin/catalog/change/save-product.ts';
import { exportProducts } from '../../origin/catalog/export-products.ts';
import { edgeLifetime } from '../../origin/web/shared/shared-response.ts';
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
/** Moves the price history into the past. */
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
/** The price that shoppers see, on the product and in a list. */
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

  test('that lowers no price, or states none, shows nothing or is refused', async () => {
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

describe('a planned sale', () => {
  const startsAt = '2030-03-31T02:30:00+02:00';
  const start = Date.parse(startsAt);
  const end = Date.parse('2030-10-27T03:00:00+01:00');
  const clock = { ms: start - 5_000 };
  const { now } = Date;
  const sales = () => `/api/staff/products/${id}/sales`;
  const plan = (sale: Record<string, unknown>, key: string = randomUUID()) =>
    staff.post(sales(), { price: eur(1_499), ...sale }, { 'Idempotency-Key': key, Prefer: 'wait=5' });
  const planAll = async (sale: Record<string, unknown>): Promise<Json> => {
    const { status, body } = await plan(sale);
    expect([status, body]).toMatchObject([201, { invalidation: { state: 'done' } }]);
    return body.sale;
  };
  const newest = async (): Promise<Json> =>
    (await staff.get(sales())).body.items.sort((a: Json, b: Json) => b.id - a.id)[0];
  const stopAll = async () => {
    for (const { id: sale, state } of (await staff.get(sales())).body.items)
      if (state === 'planned' || state === 'running')
        await staff.delete(`${sales()}/${sale}`, { Prefer: 'wait=5' });
  };
  beforeAll(() => {
    shop.deps.now = () => clock.ms;
  });
  beforeEach(async () => {
    clock.ms = start - 5_000;
    await stopAll();
    await patch({ price: eur(1_999) });
    await shop.deps.db.deleteFrom('variant_prices').execute();
  });
  afterAll(async () => {
    await stopAll();
    shop.deps.now = now;
  });

  /** Reads the price in every place that shows it, in the order of a visit. */
  const everywhere = async () => {
    const guest = shop.browser();
    const text = async (path: string) => (await guest.request(path)).text();
    const { body: product } = await guest.get(`/api/products/${shop.slug}`);
    const { body: list } = await guest.get('/api/products?q=tee');
    const { body: cheap } = await guest.get('/api/products?max=1500');
    const { body: cart } = await guest.add(shop.variants[0]!.id);
    const page = await text(`/p/${shop.slug}`);
    expect(page).toContain(`€${(product.price.amount / 100).toFixed(2)}`);
    expect(await text('/')).toContain(`€${(product.price.amount / 100).toFixed(2)}`);
    const feedPrice = `${(product.price.amount / 100).toFixed(2)} EUR`;
    expect(await text('/feeds/products.xml')).toContain(feedPrice);
    const prices = [product, product.variants[0], product.variants[1], list.items[0]].map(
      ({ price }) => price.amount,
    );
    return {
      prices: [...new Set([...prices, list.facets.price.min.amount, cart.lines[0].unitPrice.amount])],
      was: product.was?.amount,
      isCheap: cheap.items.length === 1,
      guest,
    };
  };

  test('begins and ends everywhere at its moment, whatever caches hold and though no worker turned it', async () => {
    // Only the shop's clock is moved. For Postgres, and so for the worker, the moment is years away.
    expect(await planAll({ startsAt, endsAt: new Date(end).toISOString() })).toMatchObject({
      state: 'planned',
    });
    expect(await everywhere()).toMatchObject({ prices: [1_999], was: undefined, isCheap: false });
    const early = await everywhere();
    clock.ms = start;
    expect(await everywhere()).toMatchObject({ prices: [1_499], was: 1_999, isCheap: true });
    const { body: refused } = await early.guest.order({ expectedTotal: eur(1_999) });
    expect(refused).toMatchObject({ code: 'price-changed', total: eur(1_499) });
    expect((await early.guest.order({ expectedTotal: eur(1_499) })).body.total).toEqual(eur(1_499));
    clock.ms = end - 1;
    expect(await everywhere()).toMatchObject({ prices: [1_499], was: 1_999 });
    clock.ms = end;
    expect(await everywhere()).toMatchObject({ prices: [1_999], was: undefined, isCheap: false });
    expect(await newest()).toMatchObject({ state: 'ended', was: eur(1_999) });
  });

  test('that is overdue is what an order costs, though nobody has looked since', async () => {
    await planAll({ startsAt });
    const guest = shop.browser();
    await guest.fill(shop.variants[0]!.id);
    clock.ms = start + 1;
    expect((await guest.order()).body.total).toEqual(eur(1_499));
  });

  test('bounds how long an edge may keep what it will change', async () => {
    const lifetime = async (path: string) =>
      (await shop.browser().request(path)).headers.get('CDN-Cache-Control');
    await planAll({ startsAt });
    for (const path of [`/p/${shop.slug}`, '/', `/api/products/${shop.slug}`, '/api/products'])
      expect([path, await lifetime(path)]).toEqual([path, 'max-age=5']);
    expect(await lifetime('/p/wool-coat')).toMatch(/^max-age=3600, stale/);
    expect(edgeLifetime(10_000_000, 0)).toBe('max-age=3600, stale-while-revalidate=60, stale-if-error=6400');
  });

  test('is turned by the worker at its moment, with an invalidation', async () => {
    clock.ms = now();
    await planAll({ startsAt: new Date(now() + 1_000).toISOString() });
    clock.ms = now() - 3_600_000;
    await vi.waitFor(
      async () =>
        expect(
          (
            await shop.deps.db.selectFrom('products').select('price_amount').where('id', '=', id).execute()
          )[0],
        ).toEqual({ price_amount: 1_499 }),
      { timeout: 15_000, interval: 50 },
    );
  });

  test('is in the history with the moments at which it was due, also where it was turned late', async () => {
    await planAll({ startsAt, endsAt: new Date(start + 60_000).toISOString() });
    await planAll({
      startsAt: new Date(start + 60_000).toISOString(),
      endsAt: new Date(start + 90_000).toISOString(),
      price: eur(1_299),
    });
    clock.ms = end;
    await everywhere();
    expect(await history()).toMatchObject([
      { amount: 1_999, since: null, until: new Date(start) },
      { amount: 1_499, since: new Date(start), until: new Date(start + 60_000) },
      { amount: 1_299, since: new Date(start + 60_000), until: new Date(start + 90_000) },
    ]);
    // The lowest price before a second reduction is that of the first sale.
    expect((await staff.get(sales())).body.items.map(({ was }: Json) => was?.amount)).toEqual(
      expect.arrayContaining([1_499, 1_999]),
    );
  });

  test('is refused where it overlaps another, lies in the past, ends too early or is no lower price', async () => {
    const at = (offset: number) => new Date(start + offset).toISOString();
    await planAll({ startsAt, endsAt: at(60_000) });
    for (const [sale, code] of [
      [{ startsAt: at(30_000) }, 'sale-overlaps'],
      [{ startsAt: at(-1_000), endsAt: at(1) }, 'sale-overlaps'],
      [{}, 'sale-overlaps'],
      [{ startsAt: at(-120_000), endsAt: at(-60_000) }, 'invalid-body'],
      [{ startsAt: at(70_000), endsAt: at(70_000) }, 'invalid-body'],
      [{ startsAt: at(70_000), price: eur(1_999) }, 'invalid-body'],
      [{ startsAt: 'tomorrow' }, 'invalid-body'],
    ] as const)
      expect([sale, (await plan(sale)).body.code]).toEqual([sale, code]);
    await planAll({ startsAt: at(60_000), endsAt: at(90_000) });
    await planAll({ startsAt: at(-4_000), endsAt: at(0) });
  });

  test('is one sale however often it is sent under one key, and is ended once', async () => {
    const key = randomUUID();
    const [first, second] = [await plan({}, key), await plan({}, key)];
    expect(first.body.sale).toMatchObject({ state: 'running', was: eur(1_999) });
    expect(second.body.sale).toEqual(first.body.sale);
    clock.ms += 1_000;
    const stop = () => staff.delete(`${sales()}/${first.body.sale.id}`, { Prefer: 'wait=5' });
    expect((await stop()).body.sale).toMatchObject({ state: 'ended' });
    expect((await stop()).body.code).toBe('sale-over');
    expect(await everywhere()).toMatchObject({ prices: [1_999], was: undefined });
    // The price of an earlier sale counts, so no "was" is shown that was not charged for 30 days.
    expect((await plan({})).body.sale.was).toBeUndefined();
  });

  test('that is cancelled never begins', async () => {
    const { id: sale } = await planAll({ startsAt });
    expect((await staff.delete(`${sales()}/${sale}`)).body.sale.state).toBe('cancelled');
    clock.ms = start + 1;
    expect(await everywhere()).toMatchObject({ prices: [1_999] });
  });

  test('changes everywhere when its end is moved, and before it begins in all that it is', async () => {
    const at = (offset: number) => new Date(start + offset).toISOString();
    const { id: sale } = await planAll({ startsAt, endsAt: at(60_000) });
    await planAll({ startsAt: at(120_000) });
    const change = async (body: Record<string, unknown>) => {
      const answer = await staff.patch(`${sales()}/${sale}`, body, { Prefer: 'wait=5' });
      return answer.status === 200 ? answer.body.sale : answer.body.code;
    };
    expect(await change({ price: eur(1_599), startsAt: at(1_000) })).toMatchObject({
      price: eur(1_599),
      startsAt: at(1_000),
      endsAt: at(60_000),
      state: 'planned',
    });
    for (const [body, code] of [
      [{ endsAt: at(1_000) }, 'invalid-body'],
      [{ endsAt: at(121_000) }, 'sale-overlaps'],
      [{ endsAt: null }, 'sale-overlaps'],
      [{ price: eur(1_999) }, 'invalid-body'],
      [{ startsAt: at(-120_000) }, 'invalid-body'],
      [{ startsAt: null }, 'invalid-body'],
    ] as const)
      expect([body, await change(body)]).toEqual([body, code]);
    clock.ms = start + 2_000;
    expect(await everywhere()).toMatchObject({ prices: [1_599], was: 1_999 });
    expect(await change({ startsAt: at(3_000) })).toBe('invalid-body');
    expect(await change({ price: eur(1_499) })).toBe('invalid-body');
    expect(await change({ endsAt: at(1_500) })).toBe('invalid-body');
    // Repeating the present values succeeds.
    const same = { price: eur(1_599), startsAt: at(1_000), endsAt: at(90_000) };
    for (let time = 0; time < 2; time += 1) expect(await change(same)).toMatchObject({ endsAt: at(90_000) });
    clock.ms = start + 70_000;
    expect(await everywhere()).toMatchObject({ prices: [1_599], was: 1_999 });
    expect(await change({ endsAt: at(71_000) })).toMatchObject({ state: 'running', was: eur(1_999) });
    clock.ms = start + 71_000;
    expect(await everywhere()).toMatchObject({ prices: [1_999], was: undefined });
    expect(await change({ endsAt: at(99_000) })).toBe('sale-over');
  });

  test('ends with a price that staff set by hand', async () => {
    await planAll({});
    await patch({ price: eur(1_399) });
    expect((await newest()).state).toBe('ended');
    expect(await everywhere()).toMatchObject({ prices: [1_399], was: undefined });
  });

  test('is not seen by product files: they read and write the price without it', async () => {
    const save = (priceAmount: number) =>
      shop.deps.db.transaction().execute((tx) =>
        saveProduct(
          tx,
          aProduct('plain-tee', {
            variants: ['S', 'M'].map((size) => aVariant('plain-tee', size, 'Navy', { priceAmount })),
          }),
        ),
      );
    const exported = async () => {
      for await (const { slug, variants } of exportProducts(shop.deps.db))
        if (slug === 'plain-tee') return variants.map(({ priceAmount }) => priceAmount);
      return [];
    };
    await planAll({ endsAt: new Date(end).toISOString() });
    expect(await exported()).toEqual([1_999, 1_999]);
    await save(1_999);
    expect((await newest()).state).toBe('running');
    await save(2_499);
    expect(await exported()).toEqual([2_499, 2_499]);
    const price = async () => (await staff.patch(`/api/staff/products/${id}`, {})).body.product.price.amount;
    expect(await price()).toBe(1_499);
    clock.ms = end;
    await shop.browser().get(`/api/products/${shop.slug}`);
    expect(await price()).toBe(2_499);
  });

  test('is planned, moved and ended on the product’s page, which says what is wrong with it', async () => {
    const send = async (values: Record<string, string>) => {
      const answer = await staff.request(`/staff/products/${id}/sales`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
        body: new URLSearchParams(values).toString(),
      });
      return { status: answer.status, text: await answer.text() };
    };
    const wrong = await send({ salePrice: 'cheap', startsAt: 'soon' });
    expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('An amount such as 14.99.')]);
    expect(wrong.text).toContain('value="soon"');
    expect((await send({ salePrice: '14,99', endsAt: '2031-01-01 00:00' })).status).toBe(303);
    const page = await (await staff.request(`/staff/products/${id}`)).text();
    expect(page).toContain('2031-01-01 00:00');
    const [, stop] = /name="stop" value="(\d+)"/.exec(page)!;
    const move = (endsAt: string) => send({ change: stop!, endsAt });
    for (const odd of ['2029-01-01 00:00', 'Tomorrow’s “evening”']) {
      const { status, text } = await move(odd);
      expect([status, text]).toEqual([422, expect.stringMatching(/The end of (the|a) sale/)]);
      expect(text).toContain(`id="ends-${stop}" name="endsAt" value="${odd}"`);
    }
    expect((await move('')).status).toBe(303);
    expect((await newest()).endsAt).toBeUndefined();
    expect((await move('2030-04-02 10:00')).status).toBe(303);
    expect(await newest()).toMatchObject({ endsAt: '2030-04-02T10:00:00.000Z', state: 'running' });
    expect((await send({ stop: stop! })).status).toBe(303);
    expect((await newest()).state).toBe('ended');
  });
});
