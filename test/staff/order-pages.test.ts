// Pages that work without JavaScript: staff's order list, one order with a form for each action, returns and
// customers, and the shopper's order.
import { randomUUID } from 'node:crypto';
import { parse } from 'node-html-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
let tee: string;
beforeAll(async () => {
  shop = await openShop();
  staff = await shop.staff();
  tee = shop.variants[0]!.id;
  await shop.deps.db.updateTable('variants').set({ available: 100 }).execute();
});
afterAll(() => shop?.[Symbol.asyncDispose]());

const page = async (browser: Browser, path: string, status = 200) => {
  const response = await browser.request(path);
  expect([path, response.status]).toEqual([path, status]);
  return response.text();
};
const send = (browser: Browser, path: string, values: Record<string, string>) =>
  browser.request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' },
    body: new URLSearchParams(values).toString(),
  });
/** The target and the values that the form with this submit button would send. */
function formOf(html: string, button: string): { action: string; values: Record<string, string> } {
  const form = parse(html)
    .querySelectorAll('form')
    .find((one) => one.querySelectorAll('button').some(({ text }) => text.trim() === button))!;
  expect(form, button).toBeDefined();
  const inputs = form
    .querySelectorAll('input')
    .filter((input) => input.getAttribute('type') !== 'checkbox' || input.hasAttribute('checked'));
  const selects = form.querySelectorAll('select').map((select) => {
    const chosen = select.querySelector('option[selected]') ?? select.querySelector('option');
    return [select.getAttribute('name')!, chosen?.getAttribute('value') ?? ''];
  });
  const pressed = form.querySelectorAll('button').find(({ text }) => text.trim() === button)!;
  const named = pressed.getAttribute('name');
  return {
    action: form.getAttribute('action')!,
    values: Object.fromEntries([
      ...inputs.map((input) => [input.getAttribute('name')!, input.getAttribute('value') ?? '']),
      ...selects,
      ...(named === undefined ? [] : [[named, pressed.getAttribute('value') ?? '']]),
    ]),
  };
}
async function fillIn(browser: Browser, path: string, button: string, change: Record<string, string> = {}) {
  const { action, values } = formOf(await page(browser, path), button);
  const answers = [
    await send(browser, action, { ...values, ...change }),
    await send(browser, action, { ...values, ...change }),
  ];
  for (const answer of answers)
    expect([button, answer.status, answer.headers.get('Location')]).toEqual([button, 303, path]);
}
const orderOf = async (id: string): Promise<Json> => (await staff.get(`/api/staff/orders/${id}`)).body;

describe('By forms alone, each sent twice,', () => {
  test('staff ship in parts, deliver, receive and refund, and the shopper sends back and sees it all', async () => {
    const buyer = shop.browser();
    const { id, number } = await buyer.buy(tee, 3, { email: `forms-${randomUUID()}@example.com` });
    const [mine, theirs] = [`/orders/${id}`, `/staff/orders/${id}`];
    expect(await page(buyer, mine)).toContain('Cancel order');
    await fillIn(staff, theirs, 'Ship', {
      [`ship-${tee}`]: '2',
      carrier: 'DHL',
      'tracking-url': 'https://carrier.example/1',
    });
    expect(await orderOf(id)).toMatchObject({
      fulfilment: 'partly-shipped',
      shipments: [{ carrier: 'DHL' }],
    });
    await fillIn(staff, theirs, 'Ship');
    // A day is stored as its noon. A parcel that left that evening cannot arrive before.
    const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const shippedAt = `${day}T20:00:00.000Z`;
    await shop.deps.db
      .updateTable('shipments')
      .set({ shipped_at: new Date(shippedAt) })
      .where('order_id', '=', id)
      .execute();
    await fillIn(staff, theirs, 'Mark as delivered', { delivered: day });
    await fillIn(staff, theirs, 'Mark as delivered', { delivered: day });
    expect(await orderOf(id)).toMatchObject({
      fulfilment: 'delivered',
      shipments: [{ deliveredAt: shippedAt }, { deliveredAt: shippedAt }],
    });
    const shown = await page(buyer, mine);
    for (const text of ['Delivered', 'https://carrier.example/1', 'Track parcel', 'Send back'])
      expect(shown).toContain(text);
    expect(shown).not.toContain('Cancel order');
    await fillIn(buyer, mine, 'Send back', { [`back-${tee}`]: '2', 'back-reason': 'Too <b>small</b>' });
    expect(await page(staff, '/staff/returns')).toContain('Too &lt;b&gt;small&lt;/b&gt;');
    await fillIn(staff, theirs, 'Received: pay back', {});
    await fillIn(staff, theirs, 'Refund', { 'refund-amount': '5,50', 'refund-reason': 'Late' });
    expect((await orderOf(id)).refunds.map(({ amount }: Json) => amount.amount)).toEqual([3_998, 550]);
    const after = await page(buyer, mine);
    for (const text of ['Received and refunded', 'Paid back', '€5.50', 'Late']) expect(after).toContain(text);
    const whole = await page(staff, theirs);
    for (const text of ['Return announced', 'Refunded', 'staff@myclothes.test', number])
      expect(whole).toContain(text);
  });

  test('money at the door is noted, a refused form keeps what was typed, and an order is cancelled', async () => {
    const buyer = shop.browser();
    const { id } = await buyer.buy(tee, 1, { payment: { provider: 'on-delivery' } });
    const path = `/staff/orders/${id}`;
    const wrong = await send(staff, path, {
      deed: 'take-money',
      'door-amount': '1.999',
      'door-reference': 'B-9',
    });
    expect(wrong.status).toBe(422);
    const shown = await wrong.text();
    for (const text of ['Please enter an amount such as 19.99', 'value="1.999"', 'value="B-9"'])
      expect(shown).toContain(text);
    await fillIn(staff, path, 'Note money');
    expect(await orderOf(id)).toMatchObject({ status: 'paid', paid: { amount: 1_999 } });
    await fillIn(buyer, `/orders/${id}`, 'Cancel the whole order');
    expect(await page(buyer, `/orders/${id}`)).toContain('Order cancelled');
    for (const values of [
      { deed: 'ship' },
      { deed: 'nothing' },
      { deed: 'refund', 'refund-amount': '9' },
      {},
    ])
      expect((await send(staff, path, values as Record<string, string>)).status).toBeOneOf([409, 422]);
    expect((await send(buyer, `/orders/${id}`, { do: 'send-back' })).status).toBe(422);
    expect((await send(shop.browser(), `/orders/${id}`, { do: 'cancel' })).status).toBe(404);
  });
});

test('Lists filter, search and page by their addresses, whatever stands there', async () => {
  const email = `list-${randomUUID()}@example.com`;
  const { id, number } = await shop.browser().buy(tee, 1, { email });
  const found = await page(staff, `/staff/orders?q=${email}&status=&fulfilment=open&from=&to=`);
  expect(found).toContain(`/staff/orders/${id}`);
  expect(await page(staff, `/staff/orders?q=${number}&fulfilment=shipped`)).toContain('Nothing found');
  expect(await page(staff, '/staff/orders?from=never', 400)).toContain('cannot be used');
  await page(staff, '/staff/orders?cursor=x', 400);
  await page(staff, '/staff/orders/999999', 404);
  await page(staff, '/staff/returns?status=lost&cursor=x');
  const customers = await page(staff, `/staff/customers?q=${email.slice(0, 20)}`);
  const [, customer] = /\/staff\/customers\/(guest-\d+)/.exec(customers)!;
  expect(await page(staff, `/staff/customers/${customer}`)).toContain(number);
  await page(staff, '/staff/customers/guest-0', 404);
});

test('Customers are accounts with what they ordered as guests, and guests once each, page by page', async () => {
  const mark = `c${randomUUID().slice(0, 8)}`;
  const buy = (email: string, browser = shop.browser()) => browser.buy(tee, 1, { email });
  for (const email of [
    `${mark}-b@example.com`,
    `${mark.toUpperCase()}-b@Example.com`,
    `${mark}-c@example.com`,
  ])
    await buy(email);
  const ada = shop.browser();
  await buy(`${mark}-a@example.com`);
  await ada.signUp(`${mark}-a@example.com`);
  await buy('else@example.com', ada);
  const list = async (query: string) => (await staff.get(`/api/staff/customers?q=${mark}&${query}`)).body;
  const { items } = await list('limit=100');
  expect(items.map(({ kind, email, orderCount }: Json) => [kind, email, orderCount])).toEqual([
    ['account', `${mark}-a@example.com`, 2],
    ['guest', `${mark}-b@example.com`, 2],
    ['guest', `${mark}-c@example.com`, 1],
  ]);
  const first = await list('limit=2');
  const second = await list(`limit=2&cursor=${first.nextCursor}`);
  expect([...first.items, ...second.items].map(({ id }: Json) => id)).toEqual(
    items.map(({ id }: Json) => id),
  );
  expect(second.nextCursor).toBe(null);
  const detail = (await staff.get(`/api/staff/customers/${items[0].id}`)).body;
  expect(detail).toMatchObject({ name: 'Test Person', spent: { amount: 3_998 }, orderCount: 2 });
  expect(detail.orders).toHaveLength(2);
});

test('A guest finds an order by number and e-mail; the page says the same whatever was typed', async () => {
  const { number } = await shop.browser().buy(tee, 1, { email: 'find@example.com' });
  const guest = shop.browser();
  for (const typed of [number, 'MC-NOT-THERE']) {
    const answer = await send(guest, '/find-order', { number: typed, email: ' find@example.com ' });
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, '/find-order?sent=yes']);
  }
  expect(await page(guest, '/find-order?sent=yes')).toContain('on its way to you');
  const wrong = await send(guest, '/find-order', { number, email: 'find' });
  expect(wrong.status).toBe(422);
  expect(await wrong.text()).toContain(number);
});
