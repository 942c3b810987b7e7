// Delivery methods and VAT, from the staff's table to the order, its page and its mail.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { dayOfShop } from '../../origin/checkout/delivery-dates.ts';
import { turnDay } from '../../origin/checkout/shipping-methods.ts';
import { prepareOrderMail } from '../../origin/order/order-mail.ts';
import { anOrder, type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let tee: string;
beforeAll(async () => {
  shop = await openShop({ worker: true });
  staff = await shop.staff();
  tee = shop.variants[0]!.id;
});
afterAll(() => shop[Symbol.asyncDispose]());

const eur = (amount: number) => ({ amount, currency: 'EUR' });
const method = (id: string, amount: number, countries: string[], more = {}) => ({
  id,
  name: `By ${id}`,
  countries,
  price: eur(amount),
  days: { min: 2, max: 4 },
  ...more,
});
const table = [
  method('bicycle', 990, ['DE', 'IE']),
  method('post', 490, ['DE', 'IE'], { freeFrom: eur(5_000) }),
  method('post', 790, ['FR']),
];
const setTable = (items: unknown[]) => staff.put('/api/staff/shipping-methods', { items });
beforeEach(async () => {
  await shop.deps.db.updateTable('variants').set({ available: 1_000 }).execute();
  expect((await setTable(table)).status).toBe(200);
});

const place = (country: string, postalCode: string) => ({
  shippingAddress: { ...anOrder.shippingAddress, country, postalCode },
});
const inGermany = place('DE', '10115');
const order = async (quantity: number, change: Record<string, unknown>) => {
  const browser = shop.browser();
  await browser.fill(tee, quantity);
  return { browser, ...(await browser.order(change)) };
};
const send = async (browser: Browser, values: Record<string, string>) => {
  const response = await browser.request('/checkout', {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(values).toString(),
  });
  return { status: response.status, to: response.headers.get('Location'), page: await response.text() };
};
const hidden = (page: string): Record<string, string> =>
  Object.fromEntries(
    [
      ...page
        .slice(page.indexOf('action="/checkout"'))
        .matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g),
    ].map(([, name, value]) => [name!, value!]),
  );
const entered = {
  email: 'ada@example.com',
  name: 'Ada Shopper',
  line1: '1 Mill Lane',
  postalCode: '10115',
  city: 'Berlin',
  country: 'DE',
  payment: 'demo:paid',
};

test('A new shop delivers everywhere for nothing, or faster for money', async () => {
  await using other = await openShop();
  const { body } = await other.browser().get('/api/shipping-methods?country=mt');
  expect(body.items.map(({ id, price }: Json) => [id, price.amount])).toEqual([
    ['standard', 0],
    ['express', 990],
  ]);
  const guest = other.browser();
  const bought = await guest.buy(other.variants[0]!.id);
  expect(bought.total).toEqual(eur(1_999));
  expect(bought.shipping).toEqual({
    method: 'standard',
    name: 'Standard',
    price: eur(0),
    days: { min: 2, max: 5 },
  });
});

describe('the table of delivery methods', () => {
  test('is given back as it was written, and says at once which methods go where, cheapest first', async () => {
    expect((await staff.get('/api/staff/shipping-methods')).body.items).toEqual(table);
    for (const amount of [490, 390]) {
      await setTable([table[0], { ...table[1]!, price: eur(amount) }, table[2]]);
      const { body } = await shop.browser().get('/api/shipping-methods?country=DE');
      expect(body.items).toEqual([
        {
          id: 'post',
          name: 'By post',
          price: eur(amount),
          freeFrom: eur(5_000),
          days: { min: 2, max: 4 },
        },
        { id: 'bicycle', name: 'By bicycle', price: eur(990), days: { min: 2, max: 4 } },
      ]);
    }
    expect((await shop.browser().get('/api/shipping-methods?country=FR')).body.items).toHaveLength(1);
    expect((await shop.browser().get('/api/shipping-methods?country=CH')).body.items).toEqual([]);
  });

  test('is refused whole where one row is wrong', async () => {
    for (const wrong of [
      method('', 1, ['DE']),
      method('post', -1, ['DE']),
      method('post', 1, ['Germany']),
      method('post', 1, []),
      { ...method('post', 1, ['DE']), days: { min: 5, max: 2 } },
      table[2],
    ]) {
      expect((await setTable([...table, wrong])).body.code).toBe('invalid-body');
    }
    expect((await staff.get('/api/staff/shipping-methods')).body.items).toEqual(table);
  });
});

describe('the staff’s page of delivery', () => {
  const openForm = async (): Promise<Record<string, string>> => {
    const page = await (await staff.request('/staff/delivery')).text();
    const form = page.slice(page.indexOf('<form method="post"'));
    const inputs = [...form.matchAll(/<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"/g)];
    const holidays = /<textarea[^>]*>([^<]*)<\/textarea>/.exec(form)![1]!;
    return { ...Object.fromEntries(inputs.map(([, name, value]) => [name, value])), holidays };
  };
  const send = async (values: Record<string, string>) => {
    const answer = await staff.request('/staff/delivery', {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
      body: new URLSearchParams(values).toString(),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const items = async () => (await staff.get('/api/staff/shipping-methods')).body.items;

  test('shows the whole table, adds and removes rows, and sends nothing twice', async () => {
    const before = await items();
    const form = await openForm();
    const row = String(before.length);
    const added = {
      name: 'By bike',
      countries: 'de, at',
      price: '12,5',
      freeFrom: '100',
      min: '0',
      max: '1',
    };
    const fields = Object.entries(added).map(([name, value]) => [`${name}-${row}`, value]);
    const filled = { ...form, ...Object.fromEntries(fields) };
    expect((await send(filled)).status).toBe(303);
    expect((await send(filled)).status).toBe(303);
    expect(await items()).toEqual([
      ...before,
      {
        id: 'by-bike',
        name: 'By bike',
        countries: ['DE', 'AT'],
        price: { amount: 1_250, currency: 'EUR' },
        freeFrom: { amount: 10_000, currency: 'EUR' },
        days: { min: 0, max: 1 },
      },
    ]);
    const again = await openForm();
    const emptied = Object.keys(added)
      .concat('id')
      .map((name) => [`${name}-${row}`, '']);
    expect((await send({ ...again, ...Object.fromEntries(emptied) })).status).toBe(303);
    expect(await items()).toEqual(before);
    // A form that was loaded before another member changed the table must not overwrite that change.
    const late = await send({ ...filled, 'idempotency-key': 'another-key-of-this-form' });
    expect([late.status, late.text]).toEqual([
      412,
      expect.stringContaining('Somebody has changed the table since'),
    ]);
  });

  test('says in which field of which row what is wrong, and keeps what was typed', async () => {
    const form = await openForm();
    const wrong = { 'price-0': 'cheap', 'max-0': '-1', 'countries-0': 'Germany', holidays: '12-25\nsoon' };
    const { status, text } = await send({ ...form, ...wrong });
    expect(status).toBe(422);
    for (const id of ['price-0', 'max-0', 'countries-0', 'holidays']) expect(text).toContain(`href="#${id}"`);
    expect(text).toContain('value="cheap"');
    expect(text).toContain('soon</textarea>');
  });

  test('changes the days of delivery on pages, in the bag and in the order with the seller’s holidays', async () => {
    const { now } = Date;
    shop.deps.now = () => Date.parse('2026-12-01T10:00:00Z');
    const page = async () => (await shop.browser().request('/p/plain-tee')).text();
    await send(await openForm());
    const usual = await page();
    expect(usual).toContain('Thu 3 – Mon 7 December');
    const form = await openForm();
    await send({ ...form, holidays: `${form['holidays']}\n2026-12-03 Stocktaking` });
    expect(await page()).toContain('Fri 4 – Tue 8 December');
    const browser = shop.browser();
    await browser.fill(tee);
    expect(await (await browser.request('/cart')).text()).toContain('Fri 4 – Tue 8 December');
    expect((await browser.order(inGermany)).body.promised).toEqual({ from: '2026-12-04', to: '2026-12-08' });
    await send({ ...(await openForm()), holidays: form['holidays']! });
    expect(await page()).toContain('Thu 3 – Mon 7 December');
    // The same by the JSON API, which leaves the table of methods as it is.
    const path = '/api/staff/holidays';
    const { items } = (await staff.get(path)).body;
    const closed = { day: '2026-12-03', name: 'Stock’s “day” / closed & quiet ®' };
    for (let time = 0; time < 2; time += 1)
      expect((await staff.put(path, { items: [...items, closed] })).body.items).toEqual([...items, closed]);
    expect(await page()).toContain('Fri 4 – Tue 8 December');
    expect((await openForm())['holidays']).toContain(`${closed.day} ${closed.name.replace('&', '&amp;')}`);
    expect((await staff.get('/api/staff/shipping-methods')).body.items).toHaveLength(table.length);
    for (const wrong of [
      [{ day: '2026-02-30' }],
      [{ day: 'Friday' }],
      [{ day: '12-25' }, { day: '12-25' }],
      'none',
    ])
      expect([wrong, (await staff.put(path, { items: wrong })).status]).toEqual([wrong, 422]);
    expect((await staff.put(path, { items })).body.items).toEqual(items);
    shop.deps.now = now;
  });
});

describe('the days of delivery', () => {
  const tuesday = Date.parse('2026-12-01T10:00:00Z');
  const clock = { ms: tuesday };
  const { now } = Date;
  beforeAll(() => Object.assign(shop.deps, { now: () => clock.ms }));
  afterAll(() => Object.assign(shop.deps, { now }));
  const textOf = async (path: string) =>
    (await (await shop.browser().request(path)).text())
      .replaceAll(/<[^>]+>|\s+/g, ' ')
      .replaceAll(/ +/g, ' ');

  test('stand on the product’s page, in the bag, at checkout, on the order and in its mail', async () => {
    clock.ms = tuesday;
    expect(await textOf('/p/plain-tee')).toContain(
      'Delivered Thu 3 – Mon 7 December if you order on Tue 1 December',
    );
    const browser = shop.browser();
    await browser.fill(tee);
    const pageOf = async (path: string) => (await browser.request(path)).text();
    expect(await pageOf('/cart')).toContain('Thu 3 – Mon 7 December');
    expect(await pageOf('/checkout')).toContain('Delivered Thu 3 – Mon 7 December');
    const { body } = await browser.order(inGermany);
    expect(body.promised).toEqual({ from: '2026-12-03', to: '2026-12-07' });
    expect(await pageOf(`/orders/${body.id}`)).toContain('Arrives Thu 3 – Mon 7 December');
  });

  test('on a stored page say for which day’s orders they hold, and are others once the worker has turned the day', async () => {
    clock.ms = tuesday;
    expect(await textOf('/p/wool-coat')).toContain('if you order on Tue 1 December');
    // One time before midnight in Berlin, and one after it.
    for (const [time, day] of [
      ['2026-12-01T22:59:00Z', 'Tue 1'],
      ['2026-12-01T23:01:00Z', 'Wed 2'],
    ] as const) {
      clock.ms = Date.parse(time);
      const turn = () => shop.deps.db.transaction().execute((tx) => turnDay(tx, dayOfShop(clock.ms, 'DE')));
      await turn();
      await turn();
      await vi.waitFor(
        async () => expect(await textOf('/p/wool-coat')).toContain(`if you order on ${day} December`),
        {
          timeout: 20_000,
          interval: 50,
        },
      );
    }
    const turns = await shop.deps.db
      .selectFrom('outbox')
      .select('payload')
      .where('kind', '=', 'invalidate')
      .execute();
    const versions = turns.map(({ payload }) => (payload as Json).tags['shipping-methods']).filter(Boolean);
    // The version is raised once for each day, however often the task runs.
    expect(new Set(versions).size).toBe(versions.length);
  });
});

describe('an order', () => {
  test('is delivered by the cheapest method unless it names one, and costs that much more', async () => {
    const cheapest = await order(1, inGermany);
    expect(cheapest.body).toMatchObject({ total: eur(2_489), shipping: { method: 'post', price: eur(490) } });
    const chosen = await order(1, { ...inGermany, shippingMethod: 'bicycle' });
    expect(chosen.body).toMatchObject({ total: eur(2_989), shipping: { method: 'bicycle' } });
    expect((await order(1, place('FR', '75001'))).body.shipping.price).toEqual(eur(790));
  });

  test('of many goods travels free where the table says so', async () => {
    expect((await order(2, inGermany)).body.total).toEqual(eur(3_998 + 490));
    const large = await order(3, inGermany);
    expect(large.body).toMatchObject({ total: eur(5_997), shipping: { method: 'post', price: eur(0) } });
  });

  test('to where no method goes, or not the chosen one, is refused and keeps the cart', async () => {
    for (const change of [
      place('PL', '00-001'),
      { ...place('FR', '75001'), shippingMethod: 'bicycle' },
      { ...inGermany, shippingMethod: 'constructor' },
    ]) {
      const { status, body, browser } = await order(1, change);
      expect([status, body.code]).toEqual([422, 'no-delivery-there']);
      expect((await browser.get('/api/cart')).body.count).toBe(1);
    }
  });

  test('is refused where delivery costs something else than was expected', async () => {
    const { body } = await order(1, { ...inGermany, expectedTotal: eur(1_999) });
    expect(body).toMatchObject({ status: 409, code: 'price-changed', total: eur(2_489) });
    expect((await order(1, { ...inGermany, expectedTotal: eur(2_489) })).status).toBe(201);
  });

  test('keeps what its delivery cost when the table changes', async () => {
    const { body, browser } = await order(1, inGermany);
    await setTable([]);
    expect((await browser.get(`/api/orders/${body.id}`)).body).toEqual(body);
  });

  test('tells the VAT of the country that it goes to', async () => {
    const tax = async (change: Record<string, unknown>) => (await order(1, change)).body.tax;
    expect(await tax(inGermany)).toEqual([{ rate: 19, net: eur(2_092), tax: eur(397) }]);
    expect(await tax(place('IE', 'D02 X285'))).toEqual([{ rate: 23, net: eur(2_024), tax: eur(465) }]);
  });

  test('of children’s clothes to Ireland bears no VAT, wherever the category stands in the tree', async () => {
    await shop.deps.db
      .updateTable('categories')
      .set({ parent_id: null, slug: 'kids' })
      .where('slug', '=', 'shirts')
      .execute();
    expect((await order(1, place('IE', 'D02 X285'))).body.tax).toEqual([
      { rate: 0, net: eur(2_489), tax: eur(0) },
    ]);
    expect((await order(1, inGermany)).body.tax[0].rate).toBe(19);
    await shop.deps.db.updateTable('categories').set({ slug: 'shirts' }).where('slug', '=', 'kids').execute();
  });

  test('of a release that knew no methods travelled free and is taxed by its address', async () => {
    const { body, browser } = await order(1, inGermany);
    const earlier = { shipping: null, tax: null, tax_country: null, total_amount: 1_999 };
    await shop.deps.db.updateTable('orders').set(earlier).where('id', '=', body.id).execute();
    expect((await browser.get(`/api/orders/${body.id}`)).body).toMatchObject({
      shipping: { method: 'standard', price: eur(0) },
      tax: [{ rate: 19, net: eur(1_680), tax: eur(319) }],
    });
  });

  test('shows delivery, VAT and total on its page and in its mail', async () => {
    const { body, browser } = await order(1, { ...inGermany, shippingMethod: 'bicycle' });
    const page = await (await browser.request(`/orders/${body.id}`)).text();
    const mail = JSON.stringify(await prepareOrderMail(shop.deps, anOrder.email, { orderId: body.id }));
    for (const text of ['By bicycle', '€9.90', '€29.89', 'VAT 19 %', '€4.77', 'Arrives ']) {
      expect([text, page.includes(text)]).toEqual([text, true]);
      expect([text, mail.includes(text)]).toEqual([text, true]);
    }
  });
});

describe('the page of checkout', () => {
  test('shows the methods of the country that is chosen, without ordering and without losing what was typed', async () => {
    const browser = shop.browser();
    await browser.fill(tee);
    const page = await (await browser.request('/checkout')).text();
    expect(page).toContain('By bicycle');
    expect(page).toContain('€24.89');
    const updated = await send(browser, { ...hidden(page), ...entered, country: 'FR', update: 'delivery' });
    expect(updated.status).toBe(200);
    expect(updated.page).not.toContain('By bicycle');
    expect(updated.page).toContain('€27.89');
    expect(updated.page).toContain('VAT 20 %');
    expect(updated.page).toContain('value="1 Mill Lane"');
    const nowhere = await send(browser, { ...hidden(page), ...entered, country: 'PL', update: 'delivery' });
    expect(nowhere.page).toContain('We do not deliver to this country');
    const pressed = await send(browser, { ...hidden(page), ...entered, country: 'PL', postalCode: '00-001' });
    expect(pressed.status).toBe(422);
    expect((await browser.get('/api/orders')).body.items).toEqual([]);
  });

  test('orders by the chosen method at the total that it showed for that method', async () => {
    for (const [shipping, total] of [
      ['post', 2_489],
      ['bicycle', 2_989],
    ] as const) {
      const browser = shop.browser();
      await browser.fill(tee);
      const page = await (await browser.request('/checkout')).text();
      expect((await send(browser, { ...hidden(page), ...entered, shipping })).to).toMatch(/^\/orders\//);
      const { items } = (await browser.get('/api/orders')).body;
      expect(items[0]).toMatchObject({ total: eur(total), shipping: { method: shipping } });
    }
  });

  test('tells a price of delivery that changed meanwhile, and orders at it when it is sent again', async () => {
    const browser = shop.browser();
    await browser.fill(tee);
    const page = await (await browser.request('/checkout')).text();
    await setTable([method('post', 690, ['DE'])]);
    const told = await send(browser, { ...hidden(page), ...entered, shipping: 'post' });
    expect(told.status).toBe(409);
    expect(told.page).toContain('it is now €26.89 instead of €24.89');
    expect((await send(browser, { ...hidden(told.page), ...entered, shipping: 'post' })).to).toMatch(
      /^\/orders\//,
    );
    expect((await browser.get('/api/orders')).body.items[0].total).toEqual(eur(2_689));
  });
});
