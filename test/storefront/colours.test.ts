// The chosen colour's picture is shown in lists, product page, bag, checkout, order and mail.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderHtml } from '../../origin/mail/mail.ts';
import { prepareOrderMail } from '../../origin/order/order-mail.ts';
import { aProduct, aVariant, saveAll } from '../catalog/open-catalog.ts';
import { anOrder, openShop, type Shop } from '../support/shop.ts';

const picture = (name: string) => `https://pictures.example/${name}.jpg`;

let shop: Shop;
let skyBlue: string;
beforeAll(async () => {
  shop = await openShop({ worker: true });
  const red = { imageUrl: picture('red') };
  const category: [{ slug: string; name: string }] = [{ slug: 'capes', name: 'Capes' }];
  await saveAll(shop.deps.db, [
    aProduct('cape', {
      category,
      images: ['front', 'red', 'blue', 'lining'].map((name) => ({ url: picture(name), alt: name })),
      variants: [
        aVariant('cape', 'S', 'Red', red),
        aVariant('cape', 'M', 'Red', red),
        // Files often name the picture at only one of a colour's sizes.
        aVariant('cape', 'S', 'Sky Blue', { imageUrl: picture('blue') }),
        aVariant('cape', 'M', 'Sky Blue'),
        aVariant('cape', 'S', 'Éclair & "Sons"'),
      ],
    }),
    aProduct('plain-cape', { category, variants: [aVariant('plain-cape', 'M', 'Sky Blue')] }),
  ]);
  const { body } = await shop.browser().get('/api/products/cape');
  skyBlue = body.variants.find(
    (variant: { color: string; size: string }) => variant.color === 'Sky Blue' && variant.size === 'M',
  ).id;
});
afterAll(() => shop[Symbol.asyncDispose]());

async function page(path: string, browser = shop.browser()): Promise<string> {
  const response = await browser.request(path);
  expect(response.status, path).toBe(200);
  return response.text();
}

/** Names of the page's pictures, in order. */
function picturesOf(html: string): string[] {
  return [...html.matchAll(/<img src="([^"]*)"/g)].map(([, url]) => url!.replace(/^.*\/|\.\w+$/g, ''));
}

describe('a product’s page', () => {
  test.each([
    ['/p/cape', ['red', 'front', 'lining', 'blue'], 'Red'],
    ['/p/cape?color=Red', ['red', 'front', 'lining', 'blue'], 'Red'],
    ['/p/cape?color=Sky%20Blue', ['blue', 'front', 'lining', 'red'], 'Sky Blue'],
    ['/p/cape?color=sky+blue', ['blue', 'front', 'lining', 'red'], 'Sky Blue'],
    // A colour without its own picture leaves the shop's order of pictures.
    [
      '/p/cape?color=%C3%89clair%20%26%20%22Sons%22',
      ['front', 'red', 'blue', 'lining'],
      'Éclair &amp; &quot;Sons&quot;',
    ],
    [
      '/p/cape?color=E%CC%81CLAIR%20%26%20%22Sons%22',
      ['front', 'red', 'blue', 'lining'],
      'Éclair &amp; &quot;Sons&quot;',
    ],
    ['/p/cape?color=Green', ['red', 'front', 'lining', 'blue'], 'Red'],
    ['/p/cape?color=', ['red', 'front', 'lining', 'blue'], 'Red'],
  ])('%s begins with that colour’s picture and has its sizes', async (path, pictures, color) => {
    const html = await page(path);
    expect(picturesOf(html)).toEqual(pictures);
    expect(html).toContain(`>Size in ${color}<`);
    expect(html).toContain(`rel="canonical" href="${shop.deps.settings.siteUrl}/p/cape"`);
  });

  test('leads to each of its colours by links', async () => {
    const links = [...(await page('/p/cape')).matchAll(/href="(\/p\/cape\?color=[^"]*)"/g)].map(
      ([, url]) => url!,
    );
    expect(links).toHaveLength(3);
    for (const link of links) expect(await page(link)).toContain(`href="${link}" aria-current="true"`);
  });

  test('a colour that the product lacks makes no cache entry of its own', async () => {
    const keys = async () => (await shop.deps.redis.keys('*')).filter((key) => key.includes('cape'));
    await page('/p/cape?color=Green');
    const before = (await keys()).length;
    for (let index = 0; index < 20; index++) await page(`/p/cape?color=Green${index}`);
    await page('/p/cape?color=SKY%20BLUE');
    await page('/p/cape?color=%00');
    expect((await keys()).length).toBe(before);
    expect((await shop.browser().request('/p/cape%3Fcolor=Red')).status).toBe(404);
  });

  test('that gains a colour after a request for it shows that colour', async () => {
    await page('/p/plain-cape?color=Olive');
    const variants = [aVariant('plain-cape', 'M', 'Sky Blue'), aVariant('plain-cape', 'M', 'Olive')];
    await saveAll(shop.deps.db, [
      aProduct('plain-cape', { category: [{ slug: 'capes', name: 'Capes' }], variants }),
    ]);
    await expect
      .poll(() => page('/p/plain-cape?color=Olive'), { timeout: 20_000 })
      .toContain('Size in Olive');
  });
});

test('a list that is filtered by colour shows that colour’s picture, and leads to the product in it', async () => {
  const card = (html: string) =>
    /<h3><a href="(\/p\/cape[^"]*)">[\s\S]*?<img src="[^"]*?(\w+)\.jpg"/.exec(html)?.slice(1);
  expect(card(await page('/c/capes'))).toEqual(['/p/cape', 'front']);
  expect(card(await page('/c/capes?color=Red'))).toEqual(['/p/cape?color=Red', 'red']);
  expect(card(await page('/c/capes?color=Sky+Blue'))).toEqual(['/p/cape?color=Sky%20Blue', 'blue']);
  expect(card(await page('/search?q=cape&color=Sky+Blue&size=M'))).toEqual([
    '/p/cape?color=Sky%20Blue',
    'blue',
  ]);
  // Of several chosen colours, the card shows the product's first one in a chosen size.
  expect(card(await page('/c/capes?color=Sky+Blue&color=Red'))).toEqual(['/p/cape?color=Red', 'red']);
  const { body } = await shop.browser().get('/api/products?category=capes&color=Sky%20Blue');
  const shown = body.items.find((item: { slug: string }) => item.slug === 'cape');
  expect(shown.image).toEqual({ url: picture('blue'), alt: 'blue' });
});

test('A search that names a colour shows that colour’s picture, however it is written', async () => {
  const card = (html: string) =>
    /<h3><a href="(\/p\/cape[^"]*)">[\s\S]*?<img src="[^"]*?(\w+)\.jpg"/.exec(html)?.slice(1);
  for (const q of ['sky+blue+cape', 'Cape+SKY-BLUE'])
    expect([q, card(await page(`/search?q=${q}`))]).toEqual([q, ['/p/cape?color=Sky%20Blue', 'blue']]);
  expect(card(await page('/search?q=cape'))).toEqual(['/p/cape', 'front']);
  // A chosen colour has priority over a typed one.
  expect(card(await page('/search?q=sky+blue+cape&color=Red'))).toEqual(['/p/cape?color=Red', 'red']);
});

test('bag, checkout, order and mail show the picture of the colour that was chosen', async () => {
  const browser = shop.browser();
  await browser.fill(skyBlue);
  expect(picturesOf(await page('/cart', browser))).toEqual(['blue']);
  expect(picturesOf(await page('/checkout', browser))).toEqual(['blue']);
  const { id } = await browser.buy(skyBlue);
  expect(picturesOf(await page(`/orders/${id}`, browser))).toEqual(['blue']);
  const mail = await prepareOrderMail(shop.deps, anOrder.email, { orderId: id });
  expect(picturesOf(renderHtml(mail!, shop.deps.settings))).toEqual(['blue']);
});
