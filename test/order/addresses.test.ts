// Where orders can go: the API and the checkout form accept the same countries, postal codes and lengths.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addressLengths,
  countries,
  faultOfVatNumber,
  isPostalCodeOf,
  normaliseVatNumber,
} from '../../origin/order/shipping-address.ts';
import { anOrder, type Browser, openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let shopper: Browser;
beforeAll(async () => {
  shop = await openShop();
  shopper = shop.browser();
  await shopper.fill(shop.variants[0]!.id);
});
afterAll(() => shop[Symbol.asyncDispose]());

const address = { ...anOrder.shippingAddress, postalCode: '10115', country: 'DE' };
/** @returns the message for each wrong part of the address; none where only other parts of the request are wrong */
async function faultsOfApi(change: Record<string, string>): Promise<Record<string, string>> {
  const payment = { provider: 'nobody' };
  const { status, body } = await shopper.order({ shippingAddress: { ...address, ...change }, payment });
  expect([status, body.code]).toEqual([422, 'invalid-body']);
  return Object.fromEntries(
    (JSON.stringify(body).match(/must [^"]+/g) ?? [])
      .filter((text) => /postal code of|country/.test(text))
      .map((text) => [/postal code of/.test(text) ? 'postalCode' : 'country', text.split(';')[0]!]),
  );
}
async function faultsOfForm(change: Record<string, string>): Promise<Record<string, string>> {
  const response = await shopper.request('/checkout', {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      email: 'a@example.com',
      ...address,
      ...change,
      payment: 'nobody',
    }).toString(),
  });
  expect(response.status).toBe(422);
  const page = await response.text();
  return Object.fromEntries(
    [...page.matchAll(/<p class="wrong" id="(postalCode|country)-fault">([^<]+)<\/p>/g)].map(
      ([, name, text]) => [name!, text!],
    ),
  );
}

describe('a postal code', () => {
  test.each(countries.map(({ code, name, example }) => [name, code, example]))(
    'of %s is taken as people write it',
    (_name, code, example) => {
      const country = countries.find((one) => one.code === code)!;
      const squeezed = example.replaceAll(/[ -]/g, '');
      for (const text of [
        example,
        squeezed,
        `${code}-${example.replace(/^L[TV]-/, '')}`,
        ` ${example.toLowerCase()} `,
      ])
        expect([text, isPostalCodeOf(country, text)]).toEqual([text, true]);
      for (const text of ['', 'ABCDE', '1', '123456789', `${squeezed}9`, 'x'.repeat(20), '🧵🧵🧵🧵🧵'])
        expect([text, isPostalCodeOf(country, text)]).toEqual([text, false]);
    },
  );

  test.each([
    ['DE', '1010'],
    ['AT', '10115'],
    ['NL', '1012'],
    ['IE', '10115'],
    ['PL', '00-0011'],
    ['ES', '99999'],
  ])('of another country is refused by API and form alike: %s %s', async (country, postalCode) => {
    const { name, example } = countries.find(({ code }) => code === country)!;
    const told = `must be a postal code of ${name}, such as ${example}`;
    expect(await faultsOfApi({ country, postalCode })).toEqual({ postalCode: told });
    expect(await faultsOfForm({ country, postalCode })).toEqual({ postalCode: `M${told.slice(1)}.` });
  });

  test('is refused together with all other faults of the address', async () => {
    const wrong = { line1: ' ', postalCode: '1' };
    expect(await faultsOfApi(wrong)).toHaveProperty('postalCode');
    expect(await faultsOfForm(wrong)).toHaveProperty('postalCode');
  });
});

describe('a country', () => {
  test('that is not offered is refused by API and form alike', async () => {
    const { body } = await shopper.get('/api/checkout-options');
    expect(body.countries).toEqual(countries.map(({ code }) => code));
    for (const country of ['US', 'ZZ', 'GB', 'D', 'Germany']) {
      expect(await faultsOfApi({ country })).toHaveProperty('country');
      expect(await faultsOfForm({ country })).toHaveProperty('country');
    }
  });

  test('that is offered is accepted, in lower case too', async () => {
    for (const { code, example } of countries) {
      const place = { country: code.toLowerCase(), postalCode: example };
      expect([code, await faultsOfApi(place)]).toEqual([code, {}]);
    }
  });
});

test('The form takes no part of an address longer than the API does', async () => {
  const page = await (await shopper.request('/checkout')).text();
  const { body } = await shopper.get('/api/openapi.json');
  const told = body.components.schemas.ShippingAddress.properties;
  for (const [name, most] of Object.entries(addressLengths)) {
    expect(new RegExp(`name="${name}"[^>]* maxlength="(\\d+)"`).exec(page)?.[1]).toBe(String(most));
    expect(told[name].maxLength).toBe(most);
  }
});

test.each([
  ['DE 123 456 789', 'DE123456789', true],
  ['atu12345678', 'ATU12345678', true],
  ['NL123456789B01', 'NL123456789B01', true],
  ['IE 1234567FA', 'IE1234567FA', true],
  ['IE1A23456W', 'IE1A23456W', true],
  ['GR123456789', 'EL123456789', true],
  ['FR-12.345678901', 'FR12345678901', true],
  ['SE123456789001', 'SE123456789001', true],
  ['CHE123456789', 'CHE123456789', true],
  ['ＤＥ１２３４５６７８９', 'DE123456789', true],
  ['DE12345678', 'DE12345678', false],
  ['DE12345678A', 'DE12345678A', false],
  ['AT12345678', 'AT12345678', false],
  ['BE2123456789', 'BE2123456789', false],
  ['123456789', '123456789', false],
  ['D', 'D', false],
])('The VAT number %s is kept as %s, and fits its country: %s', (text, kept, fits) => {
  const number = normaliseVatNumber(text);
  expect([number, faultOfVatNumber(number) === undefined]).toEqual([kept, fits]);
});

const form = (browser: Browser, path: string, values: Record<string, string>) =>
  browser.request(path, {
    method: 'POST',
    headers: { Origin: 'http://localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(values).toString(),
  });

test('A company buys with its VAT number: on order, page and invoice, for staff and in the mail', async () => {
  const buyer = shop.browser();
  await buyer.fill(shop.variants[0]!.id);
  const company = { company: 'Byron & Töchter GmbH', vatNumber: 'de 12345678' };
  const values = { email: 'a@example.com', ...address, payment: 'demo', outcome: 'paid', ...company };
  const refused = await form(buyer, '/checkout', values);
  expect([refused.status, await refused.text()]).toEqual([
    422,
    expect.stringContaining('such as DE123456789'),
  ]);
  const bought = await form(buyer, '/checkout', { ...values, vatNumber: 'de 123456789' });
  const path = bought.headers.get('Location')!;
  expect([bought.status, path]).toEqual([303, expect.stringMatching(/^\/orders\/\d+$/)]);
  for (let time = 0; time < 2; time += 1) {
    const page = await (await buyer.request(path)).text();
    expect(page).toContain('Byron &amp; Töchter GmbH');
    expect(page).toContain('DE123456789');
  }
  const id = path.split('/').at(-1)!;
  const staff = await shop.staff();
  const { body } = await staff.get(`/api/staff/orders/${id}`);
  expect(body.billingAddress).toMatchObject({ company: 'Byron & Töchter GmbH', vatNumber: 'DE123456789' });
  expect(await (await staff.request(`/staff/orders/${id}`)).text()).toContain('DE123456789');
  const { content } = await shop.deps.db
    .selectFrom('invoices')
    .select('content')
    .where('order_id', '=', id)
    .executeTakeFirstOrThrow();
  expect(content.buyer).toEqual(expect.arrayContaining(['Byron & Töchter GmbH', 'VAT number DE123456789']));
});

describe('The address book', () => {
  const first = { ...address, name: 'Ada Byron', line1: 'Am Markt 1' };
  const second = {
    ...address,
    name: 'Byron & Co',
    line1: 'Im Hof 2',
    company: 'Byron Ltd',
    vatNumber: 'IE1234567FA',
  };
  const book = async (browser: Browser) => (await browser.get('/api/account/addresses')).body.items;
  const linesOf = async (browser: Browser) =>
    (await book(browser)).map(({ line1, isDefault }: { line1: string; isDefault: boolean }) => [
      line1,
      isDefault,
    ]);

  test('has one default, which checkout begins with, whatever is added, changed and removed', async () => {
    const owner = shop.browser();
    await owner.signUp('book@example.com');
    await owner.fill(shop.variants[0]!.id);
    const key = { 'Idempotency-Key': 'once' };
    const made = await owner.post('/api/account/addresses', first, key);
    expect((await owner.post('/api/account/addresses', first, key)).body).toEqual(made.body);
    expect(made.body).toMatchObject({ ...first, isDefault: true });
    expect(await (await owner.request('/checkout')).text()).toContain('value="Am Markt 1"');
    const other = await owner.post('/api/account/addresses', { ...second, isDefault: true });
    expect(await linesOf(owner)).toEqual([
      ['Im Hof 2', true],
      ['Am Markt 1', false],
    ]);
    const filled = await (await owner.request('/checkout')).text();
    for (const text of ['value="Im Hof 2"', 'value="Byron Ltd"', 'value="IE1234567FA"', 'Fill in'])
      expect(filled).toContain(text);
    const chosen = { update: 'address', 'kept-address': made.body.id, line1: 'Im Hof 2' };
    const page = await (await form(owner, '/checkout', chosen)).text();
    expect([page.includes('value="Am Markt 1"'), page.includes('value="Byron Ltd"')]).toEqual([true, false]);
    const path = `/api/account/addresses/${other.body.id}`;
    expect((await owner.put(path, { ...second, line1: 'Im Hof 3' })).body.line1).toBe('Im Hof 3');
    expect((await owner.put(path, { ...second, postalCode: '1' })).status).toBe(422);
    for (let time = 0; time < 2; time += 1)
      expect((await owner.delete(path)).status).toBe(time === 0 ? 204 : 404);
    expect(await linesOf(owner)).toEqual([['Am Markt 1', true]]);
    expect(JSON.stringify((await owner.get('/api/account/export')).body)).toContain('Am Markt 1');
  });

  test('does the same by its page, and keeps an order’s address once if the shopper asks for it', async () => {
    const owner = shop.browser();
    await owner.signUp('page@example.com');
    const path = '/account/addresses';
    const wrong = await form(owner, path, { do: 'add', ...first, postalCode: '1' });
    expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining('such as 10115')]);
    for (const one of [first, second])
      expect((await form(owner, path, { do: 'add', ...one })).status).toBe(303);
    const [, other] = await book(owner);
    expect((await form(owner, path, { do: 'default', id: other.id })).status).toBe(303);
    expect((await form(owner, path, { do: 'change', id: other.id, ...second, line1: 'Neu 5' })).status).toBe(
      303,
    );
    expect(await linesOf(owner)).toEqual([
      ['Neu 5', true],
      ['Am Markt 1', false],
    ]);
    const buying = { email: 'page@example.com', payment: 'demo', outcome: 'paid', 'keep-address': 'yes' };
    for (let time = 0; time < 2; time += 1) {
      await owner.fill(shop.variants[0]!.id);
      const bought = await form(owner, '/checkout', { ...buying, ...first, line1: 'Gasse 9' });
      expect(bought.headers.get('Location')).toMatch(/^\/orders\//);
    }
    expect(await linesOf(owner)).toEqual([
      ['Neu 5', true],
      ['Am Markt 1', false],
      ['Gasse 9', false],
    ]);
    const stranger = shop.browser();
    await stranger.signUp('stranger@example.com');
    for (const deed of ['default', 'change', 'remove'])
      expect((await form(stranger, path, { do: deed, id: other.id, ...first })).status).toBe(404);
    const looking = { update: 'address', 'kept-address': other.id, ...first };
    await stranger.fill(shop.variants[0]!.id);
    expect(await (await form(stranger, '/checkout', looking)).text()).not.toContain('Neu 5');
    expect(await linesOf(stranger)).toEqual([]);
    expect((await form(owner, path, { do: 'remove', id: other.id })).status).toBe(303);
    expect((await linesOf(owner))[0]).toEqual(['Gasse 9', true]);
  });
});
