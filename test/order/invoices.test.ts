// Invoices: numbers without gaps however many requests come at once, the same document each time, and correct sums.

import { sql } from 'kysely';
import { extractText, getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { orderLink } from '../../origin/order/guest-orders.ts';
import { readInvoice } from '../../origin/order/invoice/invoice.ts';
import { writeInvoiceDocument } from '../../origin/order/invoice/invoice-document.ts';
import { anOrder, type Browser, type Json, openShop, type Shop } from '../support/shop.ts';
import { centsAt, findInvoiceFaults, parseXml, textAt } from './e-invoice.ts';

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
/** Asks again while a busy machine refuses. */
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
    expect(new Set(made.map(({ content }) => content.number)).size).toBe(1);
    expect(new Set(made.map(({ document }) => Buffer.from(document).toString('base64'))).size).toBe(1);
    expect(await lastNumber()).toBe(before + 1);
  });

  test('follow the order of the payments, not of the requests for documents', async () => {
    const orders = [await buy(), await buy(), await buy()];
    const before = (await lastNumber()) - orders.length;
    const last = await ask(orders[2]![0], orders[2]![1].id);
    const first = await ask(orders[0]![0], orders[0]![1].id);
    expect([first.number, last.number]).toEqual([before + 1, before + 3]);
  });

  test('are not lost by a failure between number and commit, nor by a crash before the document is stored', async () => {
    const [browser, { id }] = await buy();
    const { db } = shop.deps;
    // Puts the order into the state of an earlier release: it is paid, and has no invoice until somebody asks.
    const { number } = await db
      .deleteFrom('invoices')
      .where('order_id', '=', id)
      .returning('number')
      .executeTakeFirstOrThrow();
    await db
      .updateTable('invoice_counter')
      .set({ last_number: number - 1 })
      .execute();
    // The counter is raised, then the insert fails, as after a crash of the process or of Postgres.
    const [, other] = await buy({ payment: { provider: 'on-delivery' } });
    const taken = { number, order_id: other.id, issued_at: new Date(), content: '{}', document: null };
    await db.insertInto('invoices').values(taken).execute();
    await expect(readInvoice(shop.deps, id)).rejects.toThrow();
    expect(await lastNumber()).toBe(number - 1);
    await db.deleteFrom('invoices').where('number', '=', number).execute();
    const first = await ask(browser, id);
    expect(first.number).toBe(number);
    await db.updateTable('invoices').set({ document: null }).where('order_id', '=', id).execute();
    const again = await ask(browser, id);
    expect([again.number, await textOf(again.bytes)]).toEqual([first.number, await textOf(first.bytes)]);
    expect(await lastNumber()).toBe(number);
  });
});

describe('a refund', () => {
  const noteOf = async (browser: Browser, orderId: string, refund: string, ending = '') =>
    browser.request(`/api/orders/${orderId}/refunds/${refund}/credit-note${ending}`);
  const numberOf = (answer: Response) =>
    /filename="(\S+)\./.exec(answer.headers.get('Content-Disposition')!)![1]!;

  test('has a credit note with a number of its own, as PDF and as a lawful e-invoice, the same each time', async () => {
    const staff = await shop.staff();
    const [browser, order] = await buy({ shippingMethod: 'express' }, 3);
    const path = `/api/staff/orders/${order.id}`;
    await staff.post(`${path}/shipments`, { carrier: 'Post' });
    const sent = { lines: [{ variantId: shop.variants[0]!.id, quantity: 1 }] };
    const { body: returned } = await browser.post(`/api/orders/${order.id}/returns`, sent);
    const [line] = sent.lines;
    await staff.post(`/api/staff/returns/${returned.id}/receipt`, { lines: [{ ...line, restock: true }] });
    await staff.post(`${path}/refunds`, { amount: { amount: 500, currency: 'EUR' }, reason: 'An open seam' });
    const { refunds } = (await staff.get(path)).body;
    const notes = await Promise.all(refunds.map(({ id }: Json) => noteOf(browser, order.id, id)));
    const numbers = notes.map((note) => Number(numberOf(note).slice(3)));
    expect(numbers[1]).toBe(numbers[0]! + 1);
    const bytes = Buffer.from(await notes[0]!.arrayBuffer());
    const text = await textOf(bytes);
    for (const part of [
      'Credit note CN-',
      'For invoice INV-',
      'plain-tee-S-Navy',
      'Credited, VAT included €19.99',
    ])
      expect([part, text.includes(part)]).toEqual([part, true]);
    expect(await textOf(new Uint8Array(await notes[1]!.arrayBuffer()))).toContain('An open seam');
    const again = await noteOf(browser, order.id, refunds[0].id);
    expect(bytes.equals(Buffer.from(await again.arrayBuffer()))).toBe(true);
    const xml = await (await noteOf(browser, order.id, refunds[0].id, '.xml')).text();
    expect(findInvoiceFaults(xml)).toEqual([]);
    const invoice = await (await browser.request(`/api/orders/${order.id}/invoice.xml`)).text();
    expect(findInvoiceFaults(invoice)).toEqual([]);
    expect(textAt(parseXml(xml), 'BillingReference/InvoiceDocumentReference/ID')).toBe(
      textAt(parseXml(invoice), 'ID'),
    );
    // Staff get the same documents; nobody else does.
    const asStaff = await staff.request(
      `/staff/orders/${order.id}/documents/credit-note-${refunds[0].id}.xml`,
    );
    expect(await asStaff.text()).toBe(xml);
    expect((await noteOf(shop.browser(), order.id, refunds[0].id)).status).toBe(404);
    expect((await noteOf(browser, (await buy())[1].id, refunds[0].id)).status).toBe(404);
    expect((await staff.request(`/staff/orders/${order.id}/documents/other.pdf`)).status).toBe(404);
    expect(await (await browser.request(`/orders/${order.id}`)).text()).toContain('/credit-note"');
  });

  test('of a cancelled order takes back all of the invoice, also where only a part was paid at the door', async () => {
    const staff = await shop.staff();
    const [browser, { id }] = await buy({ payment: { provider: 'on-delivery' } }, 2);
    await staff.post(`/api/staff/orders/${id}/payments`, { amount: { amount: 700, currency: 'EUR' } });
    const { body } = await browser.post(`/api/orders/${id}/cancellation`, {});
    expect(body.refunds[0].amount.amount).toBe(700);
    const xml = await (await noteOf(browser, id, body.refunds[0].id, '.xml')).text();
    expect(centsAt(parseXml(xml), 'LegalMonetaryTotal/TaxInclusiveAmount')).toBe(3_998);
  });
});

describe('the VAT of a quarter', () => {
  const report = async (quarter?: string) => {
    const staff = await shop.staff();
    const answer = await staff.request(
      `/staff/reports/vat.csv${quarter === undefined ? '' : `?quarter=${quarter}`}`,
    );
    const [head, ...rows] = (await answer.text()).trim().split('\r\n');
    const names = head!.split(',');
    return {
      status: answer.status,
      rows: rows.map((row) => Object.fromEntries(row.split(',').map((cell, at) => [names[at]!, cell]))),
    };
  };
  const cents = (text: string | undefined) => Math.round(Number(text ?? 0) * 100);

  test('adds up to the cent by country, and has each refund in its own quarter', async () => {
    const { db } = shop.deps;
    const place = (country: string, postalCode: string) => ({
      shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode, country },
    });
    const orders = await Promise.all([
      buy(place('LU', '1111'), 3),
      buy(place('LU', '1111'), 1),
      buy(place('HU', '1000'), 2),
    ]);
    const back = await orders[0]![0].post(`/api/orders/${orders[0]![1].id}/cancellation`, {});
    expect(back.status).toBe(200);
    // Moves the orders into an earlier quarter.
    const ids = orders.map(([, { id }]) => id);
    const then = new Date('2024-02-10T12:00:00Z');
    await db.updateTable('invoices').set({ taxed_at: then }).where('order_id', 'in', ids).execute();
    await db
      .updateTable('credit_notes')
      .set({ taxed_at: new Date('2024-04-01T00:00:00Z') })
      .where('order_id', 'in', ids)
      .execute();
    const { status, rows } = await report('2024-Q1');
    expect([
      status,
      rows.map((row) => [row['country'], row['rate'], cents(row['sales_net']) + cents(row['sales_vat'])]),
    ]).toEqual([
      200,
      [
        ['HU', '27', 3_998],
        ['LU', '17', 7_996],
      ],
    ]);
    expect(rows.map((row) => row['refunds_net'])).toEqual(['0.00', '0.00']);
    const next = await report('2024-Q2');
    expect(
      next.rows.map((row) => [
        row['country'],
        cents(row['refunds_net']) + cents(row['refunds_vat']),
        row['sales_vat'],
      ]),
    ).toEqual([['LU', 5_997, '0.00']]);
    expect(cents(next.rows[0]!['vat'])).toBe(-cents(next.rows[0]!['refunds_vat']));
  });

  test('issues documents that earlier releases left out, in the quarter of the payment', async () => {
    const { db } = shop.deps;
    const [, order] = await buy({
      shippingAddress: { name: 'A', line1: 'B', city: 'C', postalCode: '1010', country: 'CY' },
    });
    const then = new Date('2023-05-05T12:00:00Z');
    await db.deleteFrom('invoices').where('order_id', '=', order.id).execute();
    await sql`update order_events set at = ${then} where order_id = ${order.id}`.execute(db);
    await db.updateTable('orders').set({ placed_at: then }).where('id', '=', order.id).execute();
    expect((await report('2023-Q2')).rows).toMatchObject([
      { country: 'CY', sales_net: '16.80', sales_vat: '3.19' },
    ]);
    expect((await report('2023-Q3')).rows).toEqual([]);
  });

  test('is of this quarter where none is named; what is no quarter is refused', async () => {
    expect((await report()).rows.length).toBeGreaterThan(0);
    for (const quarter of ['2026-Q5', '2026', 'x']) expect((await report(quarter)).status).toBe(400);
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
    expect(await lastNumber()).toBe(before);
    const [, { id }] = await buy();
    expect((await shop.browser().get(`/api/orders/${id}/invoice`)).status).toBe(404);
    expect((await shop.browser().get(`/api/orders/${id}/invoice?key=not-it`)).status).toBe(404);
  });

  test('has its invoice from the first money at the door on', async () => {
    const [browser, { id }] = await buy({ payment: { provider: 'on-delivery' } });
    const staff = await shop.staff();
    const amount = { amount: 500, currency: 'EUR' };
    expect((await staff.post(`/api/staff/orders/${id}/payments`, { amount })).status).toBeLessThan(300);
    expect((await ask(browser, id)).status).toBe(200);
  });

  test('links to it from its page, also for a visitor with the link of the mail', async () => {
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
