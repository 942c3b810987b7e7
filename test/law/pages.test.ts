// The legal pages: complete, the same for everyone, and clear about what the seller still has to write.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderText } from '../../origin/law/pages.ts';
import { lawPages } from '../../origin/web/page/layout.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ env: { SELLER: 'Tom & Söhne <GmbH>|Lange Straße 1', RETURN_DAYS: '30' } });
});
afterAll(() => shop[Symbol.asyncDispose]());

const pageOf = async (path: string) => {
  const response = await shop.browser().request(path);
  return { headers: response.headers, page: await response.text() };
};

test('Every page links to each legal page in its footer, and no value is left unfilled', async () => {
  for (const at of ['/', `/p/${shop.slug}`, '/cart', '/sign-in', ...lawPages.map(({ path }) => path)]) {
    const { page } = await pageOf(at);
    const foot = page.slice(page.indexOf('<footer'));
    for (const { path, name } of lawPages) expect(foot).toContain(`<a href="${path}">${name}</a>`);
    expect(page).not.toContain('{{');
    expect(page).not.toContain('[[');
  }
});

test('Legal pages name the seller and the return days of the settings, and mark what is still to be written', async () => {
  const imprint = (await pageOf('/imprint')).page;
  expect(imprint).toContain('Tom &amp; Söhne &lt;GmbH&gt;<br>Lange Straße 1');
  expect(imprint).toContain('<mark>');
  const returns = (await pageOf('/returns')).page;
  expect(returns).toContain('within 30 days');
  expect(returns).toContain('To: Tom &amp; Söhne &lt;GmbH&gt;, Lange Straße 1');
  expect(returns).toContain('hereby give notice');
  const unset = renderText('{{seller}}', [], { sellerLines: [], returnDays: 14 });
  expect(unset).toContain('<mark>Set SELLER');
});

test('Legal pages are the same for everyone, and that of delivery is invalidated when the methods change', async () => {
  const staff = await shop.staff();
  const before = await pageOf('/delivery');
  expect(before.headers.get('CDN-Cache-Control')).toContain('max-age');
  expect(await (await staff.request('/delivery')).text()).toBe(before.page);
  const { status } = await staff.put('/api/staff/shipping-methods', {
    items: [
      {
        id: 'tube',
        name: 'Pneumatic tube',
        countries: ['AT'],
        price: { amount: 1_234, currency: 'EUR' },
        freeFrom: { amount: 9_900, currency: 'EUR' },
        days: { min: 1, max: 1 },
      },
    ],
  });
  expect(status).toBe(200);
  const { page } = await pageOf('/delivery');
  for (const part of ['Pneumatic tube', 'Austria', '1 working day', '€12.34', 'free from €99.00'])
    expect(page).toContain(part);
});
