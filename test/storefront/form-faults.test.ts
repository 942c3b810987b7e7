// A form with faults says so in the title and begins with a focused list of links to its fields. It keeps all that
// was entered.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let guest: Browser;
let member: Browser;
beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  guest = shop.browser();
  await guest.fill(shop.variants[0]!.id);
  member = shop.browser();
  await member.signUp('member@example.com');
});
afterAll(() => shop[Symbol.asyncDispose]());

async function send(browser: Browser, path: string, values: Record<string, string>) {
  const response = await browser.request(path, {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(values).toString(),
  });
  return { status: response.status, to: response.headers.get('Location'), page: await response.text() };
}
const checkout = {
  email: 'ada@example.com',
  name: 'Ada',
  line1: '1 Lane',
  postalCode: '10115',
  city: 'Berlin',
  country: 'DE',
  payment: 'demo:paid',
};
const titleOf = (page: string) => /<title>([^<]*)<\/title>/.exec(page)![1];
/** @returns the fields that the summary links to; undefined without a focused summary */
function fieldsOfSummary(page: string): string[] | undefined {
  const summary = /<div class="notice" role="alert" tabindex="-1" autofocus[\s\S]*?<\/div>/.exec(page)?.[0];
  if (summary === undefined) return undefined;
  return [...summary.matchAll(/<a href="#([^"]+)">/g)].map(([, field]) => field!);
}

describe('what is wrong is told first, by name, and leads to its field', () => {
  const wrong: [string, () => Browser, string, Record<string, string>, string[]][] = [
    [
      'an empty checkout',
      () => guest,
      '/checkout',
      {},
      ['email', 'name', 'line1', 'postalCode', 'city', 'country', 'payment'],
    ],
    [
      'a checkout with a code of another country',
      () => guest,
      '/checkout',
      { ...checkout, postalCode: '1234' },
      ['postalCode'],
    ],
    [
      'a checkout with too long a name',
      () => guest,
      '/checkout',
      { ...checkout, name: 'ß'.repeat(101), line2: 'x'.repeat(201) },
      ['name', 'line2'],
    ],
    [
      'a checkout with an outcome that is none',
      () => guest,
      '/checkout',
      { ...checkout, payment: 'demo:maybe' },
      ['payment'],
    ],
    ['an empty sign-up', () => guest, '/sign-up', {}, ['name', 'email', 'password']],
    [
      'a sign-up with a short password',
      () => guest,
      '/sign-up',
      { name: 'A', email: 'a@example.com', password: 'short' },
      ['password'],
    ],
    [
      'a sign-in with a letter too many',
      () => guest,
      '/sign-in',
      { email: 'x'.repeat(300), password: 'y' },
      ['email'],
    ],
    ['a forgotten password of no address', () => guest, '/forgot-password', { email: 'nobody' }, ['email']],
    [
      'a new password that is short',
      () => guest,
      '/reset-password',
      { token: 'x', password: 'short' },
      ['password'],
    ],
    ['an account without a name', () => member, '/account', { do: 'rename', name: ' ' }, ['name']],
    [
      'an account with a short new password',
      () => member,
      '/account',
      { do: 'change-password', currentPassword: 'a-password-of-tests', newPassword: 'x' },
      ['newPassword'],
    ],
    ['an account that is left without a yes', () => member, '/account', { do: 'delete' }, ['confirm']],
  ];
  test.each(wrong)('%s', async (_name, browser, path, values, fields) => {
    const { status, page } = await send(browser(), path, values);
    expect(status).toBe(422);
    expect(titleOf(page)).toMatch(/^Error: /);
    expect(fieldsOfSummary(page)).toEqual(fields);
    for (const field of fields) {
      expect(page).toMatch(new RegExp(`<(input|select)[^>]* id="${field}"`));
      expect(page).toContain(`id="${field}-fault"`);
    }
  });

  test.each([
    [
      'a wrong password',
      () => guest,
      '/sign-in',
      { email: 'member@example.com', password: 'another-password' },
      401,
    ],
    [
      'an e-mail that has an account',
      () => guest,
      '/sign-up',
      { name: 'A', email: 'member@example.com', password: 'a-password-of-tests' },
      409,
    ],
    [
      'a link that was used',
      () => guest,
      '/reset-password',
      { token: 'x', password: 'a-password-of-tests' },
      404,
    ],
    [
      'another current password',
      () => member,
      '/account',
      { do: 'change-password', currentPassword: 'not-it', newPassword: 'a-password-of-tests' },
      403,
    ],
    ['a bag that changed', () => guest, '/checkout', { ...checkout, seen: '1*1@1' }, 409],
  ] as [string, () => Browser, string, Record<string, string>, number][])(
    'what is refused as a whole is told alike: %s',
    async (_name, browser, path, values, expected) => {
      const { status, page } = await send(browser(), path, values);
      expect(status).toBe(expected);
      expect(titleOf(page)).toMatch(/^Error: /);
      expect(fieldsOfSummary(page)).toEqual([]);
    },
  );

  test('a page without faults has neither summary nor error in its title', async () => {
    for (const path of ['/checkout', '/sign-in', '/sign-up', '/forgot-password', '/reset-password?token=x']) {
      const page = await (await guest.request(path)).text();
      expect([path, titleOf(page)!.startsWith('Error'), fieldsOfSummary(page)]).toEqual([
        path,
        false,
        undefined,
      ]);
    }
  });
});

test('names of any script, emoji and signs come back in the form as they were entered', async () => {
  for (const name of ['علي بن أبي طالب', '李小龍', '🧵 Ada “the needle” O’Lace & Co. <b>', 'ß'.repeat(100)]) {
    const { page } = await send(guest, '/checkout', { ...checkout, name, postalCode: 'x' });
    const value = /id="name"[^>]* value="([^"]*)"/.exec(page)![1]!;
    const text = value
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&');
    expect(text).toBe(name);
    expect(page).toMatch(/id="name"[^>]* dir="auto"/);
  }
});

test('A total that changed between page and order is told with both sums, and agreed to by sending again', async () => {
  const shopper = shop.browser();
  const variantId = shop.variants[2]!.id;
  await shopper.fill(variantId);
  const hidden = (page: string) =>
    Object.fromEntries(
      [
        ...page
          .slice(page.indexOf('action="/checkout"'))
          .matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g),
      ].map(([, name, value]) => [name!, value!]),
    );
  const seen = hidden(await (await shopper.request('/checkout')).text());
  // Changes the price without an invalidation, as in the moment between a change and its purge.
  await shop.deps.db
    .updateTable('variants')
    .set({ price_amount: 21_000 })
    .where('id', '=', variantId)
    .execute();
  const told = await send(shopper, '/checkout', { ...checkout, ...seen });
  expect(told.status).toBe(409);
  expect(told.page).toContain('The total changed: it is now €210.00 instead of €199.00');
  expect((await shopper.get('/api/orders')).body.items).toEqual([]);
  const bought = await send(shopper, '/checkout', { ...checkout, ...hidden(told.page) });
  expect([bought.status, bought.to]).toEqual([303, expect.stringMatching(/^\/orders\/\d+$/)]);
  expect((await shopper.get('/api/orders')).body.items[0].total.amount).toBe(21_000);
});

test('The form of an order that was placed already shows that order again, and says so where it was changed meanwhile', async () => {
  const shopper = shop.browser();
  await shopper.fill(shop.variants[1]!.id);
  const form = { ...checkout, 'idempotency-key': 'one-form-of-a-checkout' };
  const first = await send(shopper, '/checkout', form);
  expect((await send(shopper, '/checkout', form)).to).toBe(first.to);
  await shopper.fill(shop.variants[1]!.id);
  const changed = await send(shopper, '/checkout', { ...form, city: 'Potsdam' });
  expect([changed.status, fieldsOfSummary(changed.page)]).toEqual([422, []]);
  expect(changed.page).toContain('was sent before');
  expect((await shopper.get('/api/orders')).body.items).toHaveLength(1);
  expect((await send(shopper, '/checkout', {})).status).toBe(422);
});

describe('a session that ended while a form was open', () => {
  const endOf = async (browser: Browser) => {
    const { items } = (await browser.get('/api/sessions')).body;
    await browser.delete(`/api/sessions/${items[0].id}`);
  };
  const kept = (page: string) =>
    Object.fromEntries(
      [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    );

  test('costs nothing that was typed: the checkout is sent again after signing in', async () => {
    const email = 'long-checkout@example.com';
    const browser = shop.browser();
    await browser.signUp(email);
    await browser.fill(shop.variants[1]!.id);
    const form = await (await browser.request('/checkout')).text();
    expect(form).toContain('name="signed-in" value="yes"');
    await endOf(browser);
    const values = {
      ...checkout,
      'signed-in': 'yes',
      line2: 'Flat 3',
      'idempotency-key': 'kept-through-a-sign-in',
    };
    const told = await send(browser, '/checkout', values);
    expect([told.status, titleOf(told.page)]).toEqual([401, expect.stringContaining('You were signed out')]);
    expect(kept(told.page)).toEqual(values);
    await browser.post('/api/sessions', { email, password: 'a-password-of-tests' });
    expect((await send(browser, '/checkout', kept(told.page))).to).toMatch(/^\/orders\/\d+$/);
    expect((await browser.get('/api/orders')).body.items).toHaveLength(1);
  });

  test('differs from no session at all: a stranger is sent to sign in', async () => {
    for (const path of ['/account', '/staff/products/1'])
      expect((await send(shop.browser(), path, { do: 'rename', name: 'A' })).to).toContain('/sign-in');
  });

  test('keeps a name, and never a password', async () => {
    const signedIn = { 'signed-in': 'yes' };
    const browser = shop.browser();
    await browser.signUp('ended-account@example.com');
    await endOf(browser);
    const renamed = await send(browser, '/account', { ...signedIn, do: 'rename', name: 'A & B' });
    expect(kept(renamed.page)).toEqual({ ...signedIn, do: 'rename', name: 'A &amp; B' });
    const changed = await send(browser, '/account', {
      ...signedIn,
      do: 'change-password',
      currentPassword: 'old',
      newPassword: 'new',
    });
    expect([changed.status, kept(changed.page)]).toEqual([401, { ...signedIn, do: 'change-password' }]);
  });
});

test('A piece that went away while it was in the bag is told in a shopper’s words, twice as well', async () => {
  for (let time = 0; time < 2; time++) {
    const bag = await send(guest, '/cart', { kind: 'set', variantId: '999999', quantity: '2' });
    expect(bag.status).toBe(404);
    expect(bag.page).toContain('This piece is no longer sold.');
    expect(bag.page).not.toContain('variant does not exist');
  }
});
