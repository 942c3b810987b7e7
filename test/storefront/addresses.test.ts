// Each page has one address, to which every other spelling redirects. Each part of a list is a page with its own
// address.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aProduct, saveAll } from '../catalog/open-catalog.ts';
import { openShop, type Shop } from '../support/shop.ts';

const composed = 'crème-brûlée-tee'.normalize('NFC');
const decomposed = composed.normalize('NFD');

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  const category: [{ slug: string; name: string }] = [{ slug: 'hüte', name: 'Hüte' }];
  await saveAll(shop.deps.db, [
    aProduct(composed, { category }),
    ...Array.from({ length: 50 }, (_, index) => aProduct(`hat-${index}`, { category })),
  ]);
});
afterAll(() => shop[Symbol.asyncDispose]());

async function ask(path: string) {
  const response = await shop.browser().request(path);
  return { status: response.status, location: response.headers.get('Location'), text: await response.text() };
}

/** Follows redirects. @returns the last address, and whether there is a page. */
async function arrive(path: string): Promise<[string, number]> {
  let at = path;
  for (let steps = 0; steps < 4; steps++) {
    const { status, location } = await ask(at);
    if (location === null || status < 300 || status > 399) return [at, status];
    expect([301, 308]).toContain(status);
    expect(location).toMatch(/^\/(?!\/)/);
    at = location;
  }
  return [at, 0];
}

describe('another spelling of an address leads to the page', () => {
  test.each([
    ['/p/plain-tee/', '/p/plain-tee'],
    ['/p/Plain-Tee', '/p/plain-tee'],
    ['/p/PLAIN-TEE/', '/p/plain-tee'],
    ['/P/plain-tee', '/p/plain-tee'],
    ['//p///plain-tee//', '/p/plain-tee'],
    ['/p/Plain-Tee?color=Navy', '/p/plain-tee?color=Navy'],
    [`/p/${encodeURIComponent(decomposed)}`, `/p/${encodeURIComponent(composed)}`],
    [`/p/${encodeURIComponent(composed.toUpperCase())}`, `/p/${encodeURIComponent(composed)}`],
    ['/c/SHIRTS/?size=M', '/c/shirts?size=M'],
    [`/c/${encodeURIComponent('Hüte'.normalize('NFD'))}/`, `/c/${encodeURIComponent('hüte')}`],
    ['/search/?q=tee', '/search?q=tee'],
    ['/CART/', '/cart'],
    ['/sign-in/', '/sign-in'],
    ['/forgot-password/', '/forgot-password'],
    ['/api/docs/', '/api/docs'],
  ])('%s', async (asked, right) => {
    expect(await arrive(asked)).toEqual([right, 200]);
  });

  test('a form that is posted to another spelling is sent on with its method', async () => {
    const { status, headers } = await shop.browser().request('/cart/', {
      method: 'POST',
      headers: { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'variantId=1',
    });
    expect([status, headers.get('Location')]).toEqual([308, '/cart']);
  });

  test('an unknown address is 404 however it is spelled, and no address leads to another host', async () => {
    for (const path of [
      '/p/none/',
      '/P/NONE',
      '/c/NONE',
      '/nowhere/',
      '//evil.example',
      '/%2Fevil.example/',
      '/api/cart/',
    ])
      expect((await arrive(path))[1], path).toBe(404);
  });

  test('a product that was asked for before it came into the shop is found afterwards', async () => {
    expect((await ask('/p/Late-Comer')).status).toBe(404);
    await saveAll(shop.deps.db, [aProduct('late-comer')]);
    expect((await ask('/p/late-comer')).status).toBe(200);
  });
});

test('a wrong spelling leads to the page at once', async () => {
  for (const path of ['/p/Plain-Tee/', '/P/PLAIN-TEE//', '/p/%50lain-Tee/'])
    expect(await ask(path), path).toMatchObject({ status: 301, location: '/p/plain-tee' });
});

describe('a part of a list', () => {
  const head = (text: string) => ({
    title: /<title>([^<]*)/.exec(text)?.[1],
    canonical: /rel="canonical" href="([^"]*)/.exec(text)?.[1],
    previous: /rel="prev" href="(http[^"]*)/.exec(text)?.[1],
    next: /rel="next" href="(http[^"]*)/.exec(text)?.[1],
    isListed: !text.includes('content="noindex"'),
  });

  test('is its own page, with its own title and its neighbours', async () => {
    const site = shop.deps.settings.siteUrl;
    const base = `${site}/c/hüte`;
    const pages = [];
    for (const page of ['', '?page=2', '?page=3']) pages.push(head((await ask(`/c/hüte${page}`)).text));
    expect(pages).toEqual([
      { title: 'Hüte · MyClothes', canonical: base, next: `${base}?page=2`, isListed: true },
      {
        title: 'Hüte, page 2 · MyClothes',
        canonical: `${base}?page=2`,
        previous: base,
        next: `${base}?page=3`,
        isListed: true,
      },
      {
        title: 'Hüte, page 3 · MyClothes',
        canonical: `${base}?page=3`,
        previous: `${base}?page=2`,
        isListed: true,
      },
    ]);
  });

  test('of all products, too', async () => {
    const { title, canonical } = head((await ask('/search?page=2')).text);
    expect([title, canonical]).toEqual([
      'All products, page 2 · MyClothes',
      `${shop.deps.settings.siteUrl}/search?page=2`,
    ]);
  });

  test('that is filtered, sorted, searched or empty is not for search engines', async () => {
    for (const query of ['?size=M', '?sort=price-asc', '?page=9', '?min=1'])
      expect(head((await ask(`/c/hüte${query}`)).text).isListed, query).toBe(false);
    expect(head((await ask('/search?q=hat&page=2')).text).isListed).toBe(false);
  });
});

test('an error page keeps the departments', async () => {
  for (const path of ['/nowhere', '/p/none', '/c/none', '/orders/none'])
    expect((await ask(path)).text, path).toContain('<a href="/c/shirts"');
});
