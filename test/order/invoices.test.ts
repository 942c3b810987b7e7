// Invoices: numbers without gaps however many ask at once, the same document each time, and sums that are right.

import { extractText, getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readInvoice } from '../../origin/order/invoice/invoice.ts';
import { writeInvoiceDocument } from '../../origin/order/invoice/invoice-document.ts';
import { orderLink } from '../../origin/order/order-link.ts';
import { anOrder, type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
const seller = 'MyClothes GmbH|Lange Straße 1|10115 Berlin|VAT DE123456789';
beforeAll(async () => {
  shop = await openShop({ env: { SELLER: seller } });
  await shop.deps.db.updateTable('variants').set({ available: 1_000 }).execute();
});
afterAll(() => shop[Symbol.asyncDispose]());

const buy = async (change: Record<string, unknown> = {}, quantity = 1): Promise<[Browser, Json]> => {
  const browser = shop.browser();
  return [browser, await browser.buy(shop.variants[0]!.id, quantity, change)];
};
/** Again where a busy machine says so. */
const ask = async (browser: Browser, orderId: string) => {
  const response = await vi.waitFor(
    async () => {
      const answer = await browser.request(`/api/orders/${orderId}/invoice`);
      expect(answer.status).not.toBe(503);
      return answer;
    },
    { timeout: 30_000, interval: 100 },
  );
  const bytes = Buffer.from(await response.arrayBuffer());
  const [, number] =
    /filename="INV-(\d+)\.pdf"/.exec(response.headers.get('Content-Disposition') ?? '') ?? [];
  return { status: response.status, headers: response.headers, bytes, number: Number(number) };
};
const textOf = async (bytes: Uint8Array): Promise<string> => {
  const { text } = await extractText(await getDocumentProxy(new Uint8Array(bytes)), { mergePages: true });
  return text.replaceAll(/\s+/g, ' ');
};
const lastNumber = async () =>
  (await shop.deps.db.selectFrom('invoice_counter').select('last_number').executeTakeFirstOrThrow())
    .last_number;

test('An invoice says who sold what to whom, with the VAT of each rate, and is the same the second time', async () => {
  const [browser, order] = await buy(
    {
      shippingAddress: {
        name: 'Άννα Παπαδοπούλου',
        line1: 'Οδός Ερμού 5',
        city: 'Αθήνα',
        postalCode: '105 57',
        country: 'GR',
      },
      billingAddress: {
        name: 'Żółć sp. z o.o.',
        line1: 'Złota 1',
        city: 'Łódź',
        postalCode: '90-001',
        country: 'PL',
      },
      shippingMethod: 'express',
    },
    2,
  );
  const first = await ask(browser, order.id);
  expect([first.status, first.headers.get('Content-Type')]).toEqual([200, 'application/pdf']);
  expect(first.headers.get('Cache-Control')).toBe('private, no-store');
  const text = await textOf(first.bytes);
  for (const part of [
    'Invoice INV-000001',
    `Order ${order.number}`,
    ...seller.split('|'),
    ...['Żółć sp. z o.o.', '90-001 Łódź', 'Poland'],
    ...['Άννα Παπαδοπούλου', 'Greece'],
    ...['plain-tee-S-Navy', '€19.99', '€39.98', 'Express', '€9.90', '€49.88'],
    'VAT 24 % of a net amount of €40.23 €9.65',
    'no money moved',
  ])
    expect([part, text.includes(part)]).toEqual([part, true]);
  const second = await ask(browser, order.id);
  expect(second.bytes.equals(first.bytes)).toBe(true);
  expect(await lastNumber()).toBe(1);
});

describe('numbers', () => {
  test('have no gaps and no doubles when many orders and many requests for each ask at once', async () => {
    const before = await lastNumber();
    const orders = await Promise.all(Array.from({ length: 8 }, () => buy()));
    const answers = await Promise.all(
      orders.flatMap(([browser, { id }]) => Array.from({ length: 3 }, () => ask(browser, id))),
    );
    const numbers = orders.map(
      (_, at) => new Set(answers.slice(at * 3, at * 3 + 3).map(({ number }) => number)),
    );
    expect(numbers.every(({ size }) => size === 1)).toBe(true);
    const all = numbers.map((ofOrder) => [...ofOrder][0]!).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 8 }, (_, at) => before + 1 + at));
    for (const [at] of orders.entries())
      expect(
        answers.slice(at * 3, at * 3 + 3).every(({ bytes }) => bytes.equals(answers[at * 3]!.bytes)),
      ).toBe(true);
  });

  test('are one for an order that several origins are asked for at once', async () => {
    const before = await lastNumber();
    const [, { id }] = await buy();
    const made = await Promise.all(Array.from({ length: 4 }, () => readInvoice(shop.deps, id)));
    expect(new Set(made.map(({ number }) => number)).size).toBe(1);
    expect(new Set(made.map(({ document }) => Buffer.from(document).toString('base64'))).size).toBe(1);
    expect(await lastNumber()).toBe(before + 1);
  });

  test('are not lost by what fails between number and commit, nor by a crash before the document is kept', async () => {
    const before = await lastNumber();
    const [browser, { id }] = await buy();
    // The counter is raised, then the insert fails: as a crash of the process or of Postgres would end it.
    await shop.deps.db
      .insertInto('invoices')
      .values({
        number: before + 1,
        order_id: (await buy())[1].id,
        issued_at: new Date(),
        content: '{}',
        document: null,
      })
      .execute();
    await expect(readInvoice(shop.deps, id)).rejects.toThrow();
    expect(await lastNumber()).toBe(before);
    await shop.deps.db
      .deleteFrom('invoices')
      .where('number', '=', before + 1)
      .execute();
    const first = await ask(browser, id);
    expect(first.number).toBe(before + 1);
    await shop.deps.db.updateTable('invoices').set({ document: null }).where('order_id', '=', id).execute();
    const again = await ask(browser, id);
    expect([again.number, await textOf(again.bytes)]).toEqual([first.number, await textOf(first.bytes)]);
    expect(await lastNumber()).toBe(before + 1);
  });
});

describe('an order', () => {
  test('that is not paid has no invoice and takes no number; nor has one of somebody else', async () => {
    const before = await lastNumber();
    for (const payment of [{ provider: 'on-delivery' }, { provider: 'demo', outcome: 'declined' }]) {
      const [browser, { id }] = await buy({ payment });
      const answer = await browser.get(`/api/orders/${id}/invoice`);
      expect([answer.status, answer.body.code]).toEqual([409, 'not-paid']);
      expect(await (await browser.request(`/orders/${id}`)).text()).not.toContain('/invoice');
    }
    const [, { id }] = await buy();
    expect((await shop.browser().get(`/api/orders/${id}/invoice`)).status).toBe(404);
    expect((await shop.browser().get(`/api/orders/${id}/invoice?key=not-it`)).status).toBe(404);
    expect(await lastNumber()).toBe(before);
  });

  test('has its invoice from the first money at the door on', async () => {
    const [browser, { id }] = await buy({ payment: { provider: 'on-delivery' } });
    const staff = await shop.staff();
    const amount = { amount: 500, currency: 'EUR' };
    expect((await staff.post(`/api/staff/orders/${id}/payments`, { amount })).status).toBeLessThan(300);
    expect((await ask(browser, id)).status).toBe(200);
  });

  test('links to it from its page, also for whoever has the link of the mail', async () => {
    const [browser, order] = await buy();
    const page = await (await browser.request(`/orders/${order.id}`)).text();
    expect(page).toContain(`href="/api/orders/${order.id}/invoice"`);
    const link = new URL(orderLink(shop.deps.settings, order));
    const byMail = await (await shop.browser().request(link.pathname + link.search)).text();
    const [, href] = /href="(\/api\/orders\/\d+\/invoice\?key=[^"]+)"/.exec(byMail)!;
    expect((await shop.browser().request(href!)).status).toBe(200);
  });
});

test('A document of 200 lines and of odd names is written whole, page after page', async () => {
  const lines = Array.from({ length: 200 }, (_, at) => ({
    what: `Piece ${at} of a name that is so long that it takes more than one line of the table`,
    sku: `SKU-${at}`,
    quantity: 99,
    unitPrice: 1_999,
    amount: 197_901,
    rate: 25.5,
  }));
  const pdf = await writeInvoiceDocument({
    number: 'INV-000042',
    issuedAt: '2026-11-30T10:00:00.000Z',
    orderNumber: 'MC-1',
    orderedAt: '2026-11-30T10:00:00.000Z',
    seller: [],
    buyer: ['李小龍 🧵 علي', '‮x'.repeat(50)],
    deliveredTo: [anOrder.shippingAddress.name],
    lines,
    discount: { code: 'ΆΝΟΙΞΗ', amount: 1_000 },
    shipping: { name: 'Standard', amount: 0 },
    tax: [{ rate: 25.5, net: 31_538_000, tax: 8_041_200 }],
    total: 39_579_200,
    isDemonstration: false,
  });
  const document = await getDocumentProxy(new Uint8Array(pdf));
  expect(document.numPages).toBeGreaterThan(5);
  const text = await textOf(pdf);
  for (const part of ['SKU-0', 'SKU-199', 'ΆΝΟΙΞΗ', '€395,792.00', 'VAT 25.5 %'])
    expect([part, text.includes(part)]).toEqual([part, true]);
});
