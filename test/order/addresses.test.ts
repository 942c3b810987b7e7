// Where orders go: the API and the checkout's form take the same countries, postal codes and lengths.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countries, isPostalCodeOf } from '../../origin/order/countries.ts';
import { addressLengths } from '../../origin/order/shipping-address.ts';
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
/** @returns the message for each part that is wrong; none where only something else than the address is. */
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

  test('is told together with what else is wrong of the address', async () => {
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

  test('that is offered is taken, in small letters too', async () => {
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
