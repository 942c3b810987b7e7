// The withdrawal function: open to everyone without signing in, counted once, confirmed at once by mail. Also the
// queue of orders to ship.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { prepareWithdrawalMail } from '../../origin/order/withdrawal.ts';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let staff: Browser;
beforeAll(async () => {
  shop = await openShop({ worker: true });
  staff = await shop.staff();
});
afterAll(() => shop[Symbol.asyncDispose]());

const send = (browser: Browser, values: Record<string, string>) =>
  browser.request('/withdrawal', {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(values).toString(),
  });
const buy = async (change: Record<string, unknown> = {}, at = 0): Promise<[Browser, Json]> => {
  const browser = shop.browser();
  return [browser, await browser.buy(shop.variants[at]!.id, 1, change)];
};
const pageOf = async (browser: Browser, path: string) => (await browser.request(path)).text();
const rows = () => shop.deps.db.selectFrom('withdrawals').selectAll().orderBy('id').execute();
const mailsOf = async (): Promise<string[]> => {
  const folder = join(shop.dataDir, 'mail');
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    names.filter((name) => !name.startsWith('.')).map((name) => readFile(join(folder, name), 'utf8')),
  );
  return texts.filter((text) => /^Subject: Your withdrawal/m.test(text));
};

describe('a withdrawal', () => {
  test('is linked from every page’s foot and from the order, which its form then names', async () => {
    const [browser, order] = await buy();
    for (const path of ['/', '/cart', '/p/plain-tee', '/returns'])
      expect(await pageOf(shop.browser(), path)).toContain('href="/withdrawal"');
    const [, href] = /href="(\/withdrawal\?order=[^"]+)"/.exec(await pageOf(browser, `/orders/${order.id}`))!;
    expect(await pageOf(browser, href!)).toContain(`value="${order.number}"`);
  });

  test('is confirmed on the page and by mail with its time, once however often and however it is typed', async () => {
    const [, order] = await buy();
    const declared = {
      name: 'Ada Shopper',
      email: order.email ?? 'buyer@example.com',
      order: order.number,
      pieces: 'The tee\nin navy',
    };
    const { email } = await shop.deps.db
      .selectFrom('orders')
      .select('email')
      .where('id', '=', order.id)
      .executeTakeFirstOrThrow();
    const typed = order.number.toLowerCase().replaceAll('-', ' ');
    const first = await send(shop.browser(), { ...declared, email: email!, order: typed });
    expect(first.status).toBe(303);
    const page = await pageOf(shop.browser(), first.headers.get('Location')!);
    const [, time] = /on (\d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC)/.exec(page)!;
    await vi.waitFor(async () => expect(await mailsOf()).toHaveLength(1), { timeout: 20_000, interval: 50 });
    const again = await send(shop.browser(), {
      ...declared,
      email: email!.toUpperCase(),
    });
    expect(again.headers.get('Location')).toBe(first.headers.get('Location'));
    const all = await rows();
    expect(all.map((row) => row.order_id)).toEqual([order.id]);
    const mail = await prepareWithdrawalMail(shop.deps, email!, { withdrawalId: all[0]!.id });
    const text = JSON.stringify(mail);
    for (const part of [time!, 'Ada Shopper', order.number, 'The tee; in navy', '/orders/'])
      expect(text).toContain(part);
    expect(await mailsOf()).toHaveLength(1);
    const { body } = await staff.get(`/api/staff/orders/${order.id}`);
    expect(body.events.filter(({ what }: Json) => what === 'withdrawal-declared')).toHaveLength(1);
    expect(await pageOf(staff, '/staff/returns')).toContain('The tee\nin navy');
  });

  test('sent several times at once is one', async () => {
    const same = { name: 'Eve', email: 'eve@example.com', order: 'MC-11111-22222', pieces: '' };
    const before = (await rows()).length;
    const answers = await Promise.all(Array.from({ length: 6 }, () => send(shop.browser(), same)));
    expect(new Set(answers.map((answer) => answer.headers.get('Location'))).size).toBe(1);
    expect((await rows()).length).toBe(before + 1);
  });

  test('that names no order is kept and confirmed, and tells nobody whether there is one', async () => {
    const [, order] = await buy();
    const answers = await Promise.all(
      [order.number, 'MC-00000-00000', 'my trousers'].map((number) =>
        send(shop.browser(), { name: 'X', email: 'stranger@example.com', order: number, pieces: '' }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303]);
    expect((await rows()).slice(-3).map((row) => row.order_id)).toEqual([null, null, null]);
  });

  test('with a missing field is shown again, with what was typed', async () => {
    const answer = await send(shop.browser(), {
      name: '',
      email: 'nobody',
      order: '<b>',
      pieces: 'two socks',
    });
    expect(answer.status).toBe(422);
    const page = await answer.text();
    for (const part of ['two socks', 'value="&lt;b&gt;"', 'id="name-fault"', 'id="email-fault"'])
      expect(page).toContain(part);
  });

  test('beyond ten a day for an e-mail is stored but not mailed', async () => {
    for (let at = 0; at < 13; at += 1)
      await send(shop.browser(), { name: 'M', email: 'many@example.com', order: `MC-${at}`, pieces: '' });
    const { rows: mails } = await sql`
      select from outbox where kind = 'mail' and payload ->> 'to' = 'many@example.com'`.execute(shop.deps.db);
    expect(mails).toHaveLength(10);
    expect((await rows()).filter(({ email }) => email === 'many@example.com')).toHaveLength(13);
  });
});

describe('what is to be shipped', () => {
  const numbersIn = (page: string) => [...page.matchAll(/#ship">(MC-[^<]+)</g)].map(([, number]) => number!);

  test('stands in a queue, the oldest first, without what is not paid, cancelled or gone', async () => {
    const [, first] = await buy();
    const [canceller, cancelled] = await buy();
    const [, second] = await buy({ payment: { provider: 'on-delivery' } });
    const [, unpaid] = await buy({ payment: { provider: 'demo', outcome: 'unknown' } });
    await canceller.post(`/api/orders/${cancelled.id}/cancellation`, {});
    const before = numbersIn(await pageOf(staff, '/staff/to-ship'));
    expect(before.filter((number) => [first.number, second.number].includes(number))).toEqual([
      first.number,
      second.number,
    ]);
    expect(before).not.toContain(cancelled.number);
    expect(before).not.toContain(unpaid.number);
    expect((await staff.post(`/api/staff/orders/${first.id}/shipments`, { carrier: 'Post' })).status).toBe(
      201,
    );
    expect(numbersIn(await pageOf(staff, '/staff/to-ship'))).not.toContain(first.number);
  });

  test('is found by SKU, barcode and number, and leads to the order where there is one only', async () => {
    const [, coat] = await buy({}, 2);
    const { id, sku } = shop.variants[2]!;
    const cells = JSON.stringify({ 'Variant Barcode': '4006381333931' });
    await sql`update variants set file_cells = ${cells}::jsonb where id = ${id}`.execute(shop.deps.db);
    for (const scan of [sku.toUpperCase(), '4006381333931', coat.number.toLowerCase()]) {
      const answer = await staff.request(`/staff/to-ship?${new URLSearchParams({ scan })}`);
      expect([scan, answer.status, answer.headers.get('Location')]).toEqual([
        scan,
        303,
        `/staff/orders/${coat.id}#ship`,
      ]);
    }
    expect(
      numbersIn(await pageOf(staff, `/staff/to-ship?scan=${shop.variants[0]!.sku}`)).length,
    ).toBeGreaterThan(1);
    expect(await pageOf(staff, '/staff/to-ship?scan=%3Cb%3E')).toContain('Nothing to ship has “&lt;b&gt;”');
  });

  test('is a list to pick by SKU and a slip for each parcel', async () => {
    const [, coat] = await buy({}, 2);
    const list = await pageOf(staff, '/staff/to-ship/pick-list');
    const skus = [...list.matchAll(/<strong>([^<]+-[^<]+)<\/strong><br>/g)].map(([, sku]) => sku);
    expect(skus).toEqual([...skus].sort());
    expect(list).toContain(coat.number);
    const slip = await pageOf(staff, `/staff/orders/${coat.id}/packing-slip`);
    for (const part of [coat.number, shop.variants[2]!.sku, '1 piece.', 'within 14 days'])
      expect(slip).toContain(part);
  });
});
