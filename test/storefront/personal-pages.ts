// A shopper with a filled bag and orders of every kind, and a member of staff, each in their own browser; and the
// pages that they see.
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import type { Storefront } from './open-storefront.ts';

export interface PersonalPages {
  /** Storage states of browser contexts. */
  shopper: BrowserContextOptions['storageState'];
  staff: BrowserContextOptions['storageState'];
  shopperPaths: string[];
  staffPaths: string[];
}

export async function preparePersonalPages(
  chromium: Browser,
  storefront: Storefront,
): Promise<PersonalPages> {
  const shopper = await chromium.newContext();
  const page = await shopper.newPage();
  await page.goto(`${storefront.url}/sign-up`);
  await page.fill('#name', 'Grace Shopper');
  await page.fill('#email', 'grace@example.com');
  await page.fill('#password', 'a long enough password');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL('**/account');
  const { id, variants } = await send(page, 'GET', `/api/products/${storefront.slug}`);
  const available = variants.filter((variant: { available: number }) => variant.available >= 10);
  const orders: string[] = [];
  for (const outcome of ['paid', 'declined', 'unknown']) {
    await add(page, available[0].id, 3);
    orders.push((await send(page, 'POST', '/api/orders', orderPaid({ provider: 'demo', outcome }))).id);
  }
  await add(page, available[0].id);
  await add(page, available[1].id);

  const staff = await chromium.newContext();
  const staffPage = await staff.newPage();
  await signInStaff(staffPage, storefront);
  await sendBackAndRefund(page, staffPage, orders[0]!);
  const webhook = await connectSystems(staffPage);
  const customers = await send(staffPage, 'GET', '/api/staff/customers?q=grace');
  return {
    shopper: await stateOf(shopper),
    staff: await stateOf(staff),
    shopperPaths: [
      '/cart',
      '/checkout',
      '/account',
      '/account/addresses',
      '/find-order',
      ...orders.map((order) => `/orders/${order}`),
    ],
    staffPaths: [
      '/staff/orders?q=grace',
      `/staff/orders/${orders[0]}`,
      `/staff/orders/${orders[2]}`,
      '/staff/returns',
      '/staff/customers?q=grace',
      `/staff/customers/${customers.items[0].id}`,
      '/staff',
      '/staff?q=nothing-like-that',
      '/staff/payments',
      '/staff/promotions',
      '/staff/integrations',
      `/staff/integrations/webhooks/${webhook}`,
      `/staff/products/${id}`,
    ],
  };
}

/** Makes one order go through every event: half of it was sent back and refunded, the rest is on its way back. */
async function sendBackAndRefund(shopper: Page, staff: Page, id: string): Promise<void> {
  const path = `/api/staff/orders/${id}`;
  const { lines } = await send(staff, 'GET', path);
  const { shipments } = await send(staff, 'POST', `${path}/shipments`, {
    carrier: 'DHL',
    trackingNumber: '00340434161094042557',
    trackingUrl: 'https://carrier.example/track',
  });
  const deliveredAt = new Date().toISOString();
  await send(staff, 'PATCH', `${path}/shipments/${shipments[0].id}`, { deliveredAt });
  const pieces = [{ variantId: lines[0].variantId, quantity: 1 }];
  const announce = () =>
    send(shopper, 'POST', `/api/orders/${id}/returns`, { lines: pieces, reason: 'Too small' });
  const first = await announce();
  await send(staff, 'POST', `/api/staff/returns/${first.id}/receipt`, {
    lines: [{ ...pieces[0], restock: true }],
  });
  await announce();
}

/** Makes an API key, and a webhook with an event to deliver. @returns the webhook's id */
async function connectSystems(staff: Page): Promise<string> {
  const scopes = ['orders:read', 'orders:write', 'customers:read', 'stock:write', 'events:read'];
  await send(staff, 'POST', '/api/staff/api-keys', { name: 'Warehouse in Rotterdam', scopes });
  const url = 'https://hooks.erp.example/a/rather/long/address/of/another/system?tenant=myclothes';
  const { id } = await send(staff, 'POST', '/api/staff/webhooks', {
    url,
    types: ['order.paid', 'order.shipped'],
  });
  const { items } = await send(staff, 'GET', '/api/staff/events?limit=3');
  for (const { id: eventId } of items)
    await send(staff, 'POST', `/api/staff/webhooks/${id}/replays`, { eventId });
  return id;
}

async function signInStaff(page: Page, { url, staff }: Storefront): Promise<void> {
  await page.goto(`${url}/sign-in`);
  await page.fill('#email', staff.email);
  await page.fill('#password', staff.password);
  await page.locator('main').getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/account');
}

async function stateOf(context: BrowserContext): Promise<BrowserContextOptions['storageState']> {
  const state = await context.storageState();
  await context.close();
  return state;
}

function add(page: Page, variantId: string, quantity = 1) {
  return send(page, 'POST', '/api/cart/lines', { variantId, quantity });
}

/** Sends a request from within the page, with the page's cookies, as the shop's script does. */
async function send(page: Page, method: string, path: string, body?: object) {
  const answer = await page.evaluate(
    async ([path, method, body, key]) => {
      const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
      const response = await fetch(path, { method, headers, ...(body === '' ? {} : { body }) });
      return { status: response.status, text: await response.text() };
    },
    [path, method, body === undefined ? '' : JSON.stringify(body), crypto.randomUUID()] as const,
  );
  if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
  return JSON.parse(answer.text);
}

function orderPaid(payment: object) {
  return {
    email: 'grace@example.com',
    shippingAddress: {
      name: 'Grace Shopper',
      line1: '1 Mill Lane',
      line2: 'Flat 3',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    },
    payment,
  };
}
