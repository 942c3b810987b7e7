// The link in an order's mail opens that order in any browser, for 90 days, and nothing else.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { orderLink } from '../../origin/order/guest-orders.ts';
import { deliverMail } from '../../worker/jobs.ts';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

const [newKey, oldKey] = [
  'a-new-key-of-the-tests-with-32-letters',
  'an-old-key-of-the-tests-with-32-letters',
];
const dayMs = 86_400_000;

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ env: { COOKIE_KEYS: `${newKey},${oldKey}`, RATE_LIMITS: 'off' } });
});
afterAll(() => shop[Symbol.asyncDispose]());

const buy = (email: string, browser = shop.browser(), change = {}) =>
  browser.buy(shop.variants[0]!.id, 1, { email, ...change });
/** @returns the path of the link in the order's mail */
async function mailedPath(orderId: string): Promise<string> {
  const rows = await shop.deps.db
    .selectFrom('outbox')
    .select(['id', 'payload'])
    .where('kind', '=', 'mail')
    .execute();
  const row = rows.find(
    ({ payload }) => (payload as { data: { orderId?: string } }).data.orderId === orderId,
  );
  await deliverMail(shop.deps, row!.payload as never, { id: row!.id });
  const mail = await readFile(join(shop.dataDir, 'mail', `${row!.id}.eml`), 'utf8');
  return /^http:\/\/localhost:3000(\/orders\/\S+)$/m.exec(mail)![1]!;
}
const open = async (path: string, browser = shop.browser()) => {
  const response = await browser.request(path);
  const to = response.headers.get('Location');
  return { status: response.status, to, headers: response.headers, page: await response.text() };
};
async function signIn(browser: Browser, email: string, next: string): Promise<string | null> {
  const response = await browser.request('/sign-in', {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email, password: 'a-password-of-tests', next }).toString(),
  });
  return response.headers.get('Location');
}

describe('a guest’s link', () => {
  test('opens the order in a fresh browser, again and again, and tells its address to nobody', async () => {
    const order = await buy('guest@example.com');
    const path = await mailedPath(order.id);
    for (let time = 0; time < 2; time += 1) {
      const { status, headers, page } = await open(path);
      expect([status, page.includes(order.number), page.includes('B. Uyer')]).toEqual([200, true, true]);
      expect(headers.get('Referrer-Policy')).toBe('no-referrer');
      expect(headers.get('Cache-Control')).toBe('private, no-store');
      expect(headers.getSetCookie()).toEqual([]);
      expect(page).toContain('<meta name="referrer" content="strict-origin">');
      // The order's own forms and links carry its key; nothing else on the page does.
      const key = new URLSearchParams(path.split('?')[1]).get('key')!;
      const own = [
        `<input type="hidden" name="key" value="${key}">`,
        `href="/api/orders/${order.id}/invoice?key=${key}"`,
      ];
      expect(own.reduce((text, part) => text.replaceAll(part, ''), page)).not.toContain(key);
    }
  });

  test('of a second order opens the second, and neither opens the other', async () => {
    const browser = shop.browser();
    const [first, second] = [await buy('two@example.com', browser), await buy('two@example.com', browser)];
    const [toFirst, toSecond] = [await mailedPath(first.id), await mailedPath(second.id)];
    expect((await open(toSecond)).page).toContain(second.number);
    expect((await open(toSecond.replace(`/${second.id}?`, `/${first.id}?`))).status).toBe(404);
    expect((await open(toFirst.replace(`/${first.id}?`, `/${second.id}?`))).status).toBe(404);
  });

  test('that is wrong, cut, doubled or empty shows what an unknown order shows', async () => {
    const order = await buy('wrong@example.com');
    const path = await mailedPath(order.id);
    const key = path.split('key=')[1]!;
    const unknown = await open('/orders/987654321?key=x');
    expect(unknown.status).toBe(404);
    const expires = Number(key.split('.')[1]);
    for (const wrong of [
      '',
      'x',
      key.slice(0, -1),
      key.slice(1),
      `${key}0`,
      `${key[0] === 'A' ? 'B' : 'A'}${key.slice(1)}`,
      key.replace(/\d+$/, String(expires + 1)),
      `${key} `,
      '%00',
      'a'.repeat(3_000),
      'ключ',
    ]) {
      const { status, page } = await open(`/orders/${order.id}?key=${encodeURIComponent(wrong)}`);
      expect([wrong, status, page]).toEqual([wrong, 404, unknown.page]);
    }
    expect((await open(`/orders/${order.id}`)).page).toBe(
      unknown.page.replace(/<meta name="referrer"[^>]*>/, ''),
    );
  });

  test('is worth 90 days, and not a second more', async () => {
    const order = await buy('old@example.com');
    const madeBefore = (ms: number) =>
      orderLink(shop.deps.settings, order, Date.now() - ms).replace('http://localhost:3000', '');
    expect((await open(madeBefore(90 * dayMs - 60_000))).status).toBe(200);
    expect((await open(madeBefore(90 * dayMs + 1_000))).status).toBe(404);
  });

  test('that was signed with an older cookie key still opens, one of no key never', async () => {
    const order = await buy('rotated@example.com');
    const signedWith = (key: string) => orderLink({ cookieKeys: [key], siteUrl: '' }, order);
    expect((await open(signedWith(newKey))).status).toBe(200);
    expect((await open(signedWith(oldKey))).status).toBe(200);
    expect((await open(signedWith('a-key-that-this-shop-never-had'))).status).toBe(404);
  });

  test('does not open the order of another shop or time with the same id', async () => {
    const order = await buy('restored@example.com');
    const other = orderLink({ ...shop.deps.settings, siteUrl: '' }, { ...order, number: 'MC-00000-00000' });
    expect((await open(other)).status).toBe(404);
  });

  test('opens a page, not the API, and makes nobody the owner', async () => {
    const order = await buy('page@example.com');
    const path = await mailedPath(order.id);
    const browser = shop.browser();
    expect((await open(path, browser)).status).toBe(200);
    expect((await browser.get(`/api${path}`)).status).toBe(404);
    expect((await open(`/orders/${order.id}`, browser)).status).toBe(404);
  });
});

describe('the order of an account', () => {
  test('is opened by its mail’s link in a fresh browser, until its buyer is forgotten', async () => {
    const owner = shop.browser();
    await owner.signUp('owner@example.com');
    const order = await buy('owner@example.com', owner);
    const path = await mailedPath(order.id);
    expect((await open(path)).page).toContain(order.number);
    expect((await owner.delete('/api/account')).status).toBe(204);
    expect((await open(path)).status).toBe(404);
    expect((await open(path, owner)).status).toBe(404);
    expect((await owner.get('/api/orders')).body.items).toEqual([]);
  });

  test('sends its owner who signed out to sign in, and then to the order', async () => {
    const email = 'signed-out@example.com';
    const owner = shop.browser();
    await owner.signUp(email);
    const order = await buy(email, owner);
    const path = `/orders/${order.id}`;
    await owner.delete('/api/sessions/current');
    const sent = await open(path, owner);
    expect([sent.status, sent.to]).toEqual([303, `/sign-in?next=${encodeURIComponent(path)}`]);
    expect((await open(sent.to!, owner)).page).toContain(`value="${path}"`);
    expect(await signIn(owner, email, path)).toBe(path);
    expect((await open(path, owner)).page).toContain(order.number);
  });

  test('sends its owner whose session was ended elsewhere to sign in', async () => {
    const email = 'ended@example.com';
    const owner = shop.browser();
    await owner.signUp(email);
    const elsewhere = shop.browser();
    await signIn(elsewhere, email, '/account');
    const order = await buy(email, owner);
    const sessions = (await owner.get('/api/sessions')).body.items;
    const other = sessions.find((session: { current: boolean }) => !session.current);
    await owner.delete(`/api/sessions/${other.id}`);
    expect((await open(`/orders/${order.id}`, elsewhere)).to).toContain('/sign-in?next=');
  });

  test('tells strangers nothing: they may sign in for any id, and find nothing then', async () => {
    const owner = shop.browser();
    await owner.signUp('private@example.com');
    const order = await buy('private@example.com', owner);
    const stranger = shop.browser();
    for (const id of [order.id, '987654321']) {
      expect((await open(`/orders/${id}`, stranger)).status).toBe(404);
      expect((await open(`/orders/${id}?sign-in=yes`, stranger)).to).toBe(`/sign-in?next=%2Forders%2F${id}`);
    }
    await stranger.signUp('stranger@example.com');
    for (const query of ['', '?sign-in=yes'])
      expect((await open(`/orders/${order.id}${query}`, stranger)).status).toBe(404);
    for (const id of ['0', 'abc', '1e3', '9'.repeat(40)])
      expect((await open(`/orders/${id}?sign-in=yes`)).status).toBe(404);
  });
});

test('No page says that nothing is sent beside a parcel that is paid at the door', async () => {
  const browser = shop.browser();
  await browser.fill(shop.variants[0]!.id);
  const checkout = await open('/checkout', browser);
  const order = await buy('door@example.com', browser, { payment: { provider: 'on-delivery' } });
  const path = await mailedPath(order.id);
  for (const page of [
    checkout.page,
    (await open(path)).page,
    (await open(`/orders/${order.id}`, browser)).page,
  ]) {
    expect(page).toMatch(/[Pp]ay when the parcel is in your hands/);
    expect(page).not.toMatch(/nothing (is|will be) sent/);
  }
});
