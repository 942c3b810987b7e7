// In Chromium, with and without JavaScript, on a phone and on a desktop: a guest buys with a code, the order is
// shipped in two parts, one piece is sent back and refunded, and the documents are right to the cent.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { extractText, getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signInMember } from '../../ops-scripts/drills/staff.ts';
import { hasChromium, launchChromium, openStorefront, type Storefront } from './open-storefront.ts';

const code = 'TENOFF';
const email = 'ada@example.com';

describe.skipIf(!hasChromium)('A parcel and back', () => {
  let storefront: Storefront;
  let chromium: Browser;
  beforeAll(async () => {
    [storefront, chromium] = await Promise.all([openStorefront(), launchChromium()]);
    const staff = await signInMember(storefront.url, storefront.staff, () => undefined);
    const made = await staff.write('POST', '/api/staff/promotions', { code, kind: 'percent', value: 10 });
    expect(made.status).toBe(201);
  });
  afterAll(async () => {
    await chromium?.close();
    await storefront?.[Symbol.asyncDispose]();
  });

  /** Takes a screenshot of every step where `SCREENSHOTS` names a folder. */
  async function look(page: Page, name: string): Promise<void> {
    const folder = process.env['SCREENSHOTS'];
    const { width } = page.viewportSize()!;
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth').catch(() => 0);
    expect([name, Number(overflow)]).toEqual([name, 0]);
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: true });
  }

  async function buy(page: Page): Promise<{ path: string; total: number }> {
    await page.goto(`${storefront.url}/p/${storefront.slug}`);
    await page.locator('.sizes:visible .choice-input:enabled + .choice').first().click();
    await page.fill('#quantity', '3');
    await look(page, '1-product');
    await page.getByRole('button', { name: 'Add to bag' }).click();
    await page.getByText('3 pieces').or(page.locator('.added a')).first().waitFor();
    await page.goto(`${storefront.url}/checkout`);
    const parts = { email, name: 'Ada Shopper', line1: '1 Mill Lane', postalCode: '10115', city: 'Berlin' };
    for (const [name, value] of Object.entries(parts)) await page.fill(`#${name}`, value);
    await page.fill('#code', code);
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText(`${code} takes off`).first().waitFor();
    await page.check('input[value="demo:paid"]');
    await look(page, '2-checkout');
    await page.getByRole('button', { name: 'Buy now' }).click();
    await page.waitForURL('**/orders/*');
    await look(page, '3-order');
    const path = new URL(page.url()).pathname;
    return { path, total: (await orderOf(page.context(), path)).total.amount };
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the test, which is the check
  async function orderOf(context: BrowserContext, path: string): Promise<any> {
    return (await context.request.get(`${storefront.url}/api${path}`)).json();
  }

  async function signIn(page: Page): Promise<void> {
    await page.goto(`${storefront.url}/sign-in`);
    await page.fill('#email', storefront.staff.email);
    await page.fill('#password', storefront.staff.password);
    await page.getByRole('button', { name: 'Sign in' }).last().click();
    await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
  }

  async function shipInTwoParts(page: Page, path: string, variantId: string): Promise<void> {
    await page.goto(`${storefront.url}/staff${path}`);
    await look(page, '4-staff-order');
    for (const [pieces, tracking] of [
      ['1', 'A-1'],
      ['2', 'B-2'],
    ] as const) {
      await page.fill(`#ship-${variantId}`, pieces);
      await page.fill('#carrier', 'DHL');
      await page.fill('#tracking-number', tracking);
      await page.getByRole('button', { name: 'Ship', exact: true }).click();
      await page.getByText(tracking).first().waitFor();
    }
    for (let parcel = 0; parcel < 2; parcel += 1) {
      const deliver = page.getByRole('button', { name: 'Mark as delivered' });
      const before = await deliver.count();
      await deliver.first().click();
      await expect.poll(() => deliver.count()).toBe(before - 1);
    }
    await look(page, '5-shipped');
  }

  async function sendOneBack(page: Page, path: string, variantId: string): Promise<void> {
    await page.goto(storefront.url + path);
    await look(page, '6-delivered');
    await page.getByText('Choose pieces').click();
    await page.selectOption(`#back-${variantId}`, '1');
    await page.getByRole('button', { name: 'Send back' }).click();
    await page.getByText('Announced').first().waitFor();
    await look(page, '7-announced');
  }

  async function textOf(context: BrowserContext, path: string): Promise<string> {
    const answer = await context.request.get(storefront.url + path);
    expect([path, answer.status(), answer.headers()['content-type']]).toEqual([path, 200, 'application/pdf']);
    const document = await getDocumentProxy(new Uint8Array(await answer.body()));
    return (await extractText(document, { mergePages: true })).text;
  }

  const euros = (cents: number) => `€${(cents / 100).toFixed(2)}`;

  test.each([
    ['with JavaScript on a phone', true, 390],
    ['without JavaScript on a phone', false, 390],
    ['with JavaScript on a desktop', true, 1_280],
    ['without JavaScript on a desktop', false, 1_280],
  ])('is paid back to the cent, %s', { timeout: 240_000 }, async (_how, javaScriptEnabled, width) => {
    const options = { javaScriptEnabled, viewport: { width, height: 844 } };
    await using stack = new AsyncDisposableStack();
    const shopper = stack.adopt(await chromium.newContext(options), (context) => context.close());
    const office = stack.adopt(await chromium.newContext(options), (context) => context.close());
    const [page, desk] = [await shopper.newPage(), await office.newPage()];
    const { path, total } = await buy(page);
    const placed = await orderOf(shopper, path);
    const [line] = placed.lines;
    const goods = 3 * line.unitPrice.amount;
    const discount = Math.round(goods / 10);
    expect(placed.discount).toMatchObject({ code, amount: { amount: discount } });
    expect(total).toBe(goods - discount + placed.shipping.price.amount);
    await signIn(desk);
    await shipInTwoParts(desk, path, line.variantId);
    await sendOneBack(page, path, line.variantId);
    await desk.goto(`${storefront.url}/staff${path}`);
    await desk.getByRole('button', { name: 'Received: pay back' }).click();
    await desk.getByText('Credit note').first().waitFor();
    await look(desk, '8-received');
    await page.goto(storefront.url + path);
    const back = Math.round((goods - discount) / 3);
    await page.getByText(euros(back)).first().waitFor();
    await look(page, '9-paid-back');
    const order = await orderOf(shopper, path);
    expect(order).toMatchObject({
      fulfilment: 'delivered',
      refunds: [{ amount: { amount: back }, status: 'done' }],
      returns: [{ status: 'refunded' }],
    });
    expect(order.shipments).toHaveLength(2);
    // The net amounts and VAT of all rates add up to the total.
    const vat = order.tax.map(
      ({ net, tax }: { net: { amount: number }; tax: { amount: number } }) => net.amount + tax.amount,
    );
    expect(vat.reduce((sum: number, one: number) => sum + one, 0)).toBe(total);
    const invoice = await textOf(shopper, `/api${path}/invoice`);
    for (const told of [order.number, euros(total), `−${euros(discount)}`, code])
      expect(invoice).toContain(told);
    const note = await textOf(shopper, `/api${path}/refunds/${order.refunds[0].id}/credit-note`);
    for (const told of [euros(back), 'Credit note', order.number]) expect(note).toContain(told);
  });
});
