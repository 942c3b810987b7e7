// The edge before the real origin and worker: a new price is shown at once, nobody's page is kept, and browsing
// outlives the origin.
import { expect, test } from 'vitest';
import { saveProducts } from '../../origin/catalog/change/save-product.ts';
import { readTrace } from '../../worker/console/trace.ts';
import { aProduct, aVariant } from '../catalog/open-catalog.ts';
import { openFrontedShop } from './support/fronted-shop.ts';

const statusOf = (answer: Response) => answer.headers.get('cache-status') ?? '';
const isKept = async (url: string) => {
  const answer = await fetch(url);
  await answer.text();
  return statusOf(answer).includes('edge; hit');
};

test('a new price is at the edge once the change is done; pages of one shopper never reach another; browsing outlives the origin', async () => {
  await using fronted = await openFrontedShop();
  const { shop, url } = fronted;
  const page = `${url}/p/${shop.slug}`;
  const api = `${url}/api/products/${shop.slug}`;
  for (const address of [page, api]) await expect.poll(() => isKept(address), { timeout: 20_000 }).toBe(true);

  const staff = await shop.staff();
  const { body: product } = await staff.get(`/api/products/${shop.slug}`);
  const { body: change } = await staff.patch(
    `/api/staff/products/${product.id}`,
    { price: { amount: 4_321, currency: product.price.currency } },
    { Prefer: 'wait=5' },
  );
  const isDone = async () =>
    (await staff.get(`/api/staff/invalidations/${change.invalidation.id}`)).body.state;
  await expect.poll(isDone, { timeout: 20_000 }).toBe('done');
  expect(((await (await fetch(api)).json()) as { price: { amount: number } }).price.amount).toBe(4_321);
  expect(await (await fetch(page)).text()).toContain('43.21');
  // Operators see that this edge confirmed it, and when.
  const trace = await readTrace(shop.deps.db, change.invalidation.id);
  expect(trace?.events.map(({ what }) => what)).toContain(`attempt 1: edge ${url} confirmed`);

  const shopper = shop.browser();
  await shopper.add(shop.variants[0]!.id);
  const cart = async (cookie: string) => fetch(`${url}/api/cart`, { headers: { cookie } });
  const own = await cart(shopper.cookieHeader);
  expect(own.headers.get('cache-control')).toContain('no-store');
  expect(await own.json()).toMatchObject({ count: 1 });
  const others = await cart('');
  expect(await others.json()).toMatchObject({ count: 0 });
  for (const answer of [own, others]) expect(statusOf(answer)).not.toMatch(/hit|stored/);
  // A shared page asked for by somebody signed in is everybody's.
  const shared = await fetch(page, { headers: { cookie: staff.cookieHeader } });
  expect(await shared.text()).toBe(await (await fetch(page)).text());
  expect(shared.headers.has('set-cookie')).toBe(false);

  for (const address of [page, api]) await expect.poll(() => isKept(address), { timeout: 20_000 }).toBe(true);
  await fronted.closeOrigin();
  expect(await (await fetch(page)).text()).toContain('43.21');
  const away = await cart(shopper.cookieHeader);
  expect([away.status, away.headers.get('retry-after')]).toEqual([502, '2']);
  expect(await away.json()).toMatchObject({ code: 'origin-away' });
});

test('An edge whose address nobody knows shows each new price once the change is done', async () => {
  await using fronted = await openFrontedShop(3, { asks: true });
  const { shop, url } = fronted;
  const api = `${url}/api/products/${shop.slug}`;
  const staff = await shop.staff();
  const { body: product } = await staff.get(`/api/products/${shop.slug}`);
  for (const amount of [4_321, 5_432]) {
    await expect.poll(() => isKept(api), { timeout: 20_000 }).toBe(true);
    const price = { amount, currency: product.price.currency };
    const { body } = await staff.patch(`/api/staff/products/${product.id}`, { price });
    const { id } = body.invalidation;
    const isDone = async () => (await staff.get(`/api/staff/invalidations/${id}`)).body.state;
    await expect.poll(isDone, { timeout: 20_000 }).toBe('done');
    expect(((await (await fetch(api)).json()) as { price: { amount: number } }).price.amount).toBe(amount);
    const trace = await readTrace(shop.deps.db, id);
    expect(trace?.events.map(({ what }) => what)).toContain('attempt 1: every edge that asks confirmed');
  }
});

test('A product of 2,500 variants is shown with few tags, and what sells out is gone from every page of it', async () => {
  await using fronted = await openFrontedShop();
  const { shop, url } = fronted;
  const variants = Array.from({ length: 2_500 }, (_, n) =>
    aVariant('many', `S${n % 50}`, `Colour ${Math.floor(n / 50)}`, { available: 1, priceAmount: 1_000 }),
  );
  await shop.deps.db.transaction().execute((tx) => saveProducts(tx, [aProduct('many', { variants })]));
  for (const path of ['/p/many', '/api/products/many']) {
    const answer = await fetch(url + path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-tag')!.length).toBeLessThan(4_096);
    await answer.text();
  }
  const { variants: shown } = (await (await fetch(`${url}/api/products/many`)).json()) as {
    variants: { id: string; available: number }[];
  };
  expect(shown).toHaveLength(2_500);
  await shop.browser().buy(shown[2_400]!.id);
  const left = async () => {
    const product = (await (await fetch(`${url}/api/products/many`)).json()) as { variants: typeof shown };
    return product.variants[2_400]!.available;
  };
  await expect.poll(left, { timeout: 10_000 }).toBe(0);
});
