// States the laws of lists and search: every active product is in the sitemap, lists and search.
// Nothing hidden appears anywhere.
import { askWholeList, type ShownProductList } from '../deeds/browse.ts';
import type { ShopLife, Suggestion } from '../life.ts';
import { handlePrefix, typedPlainly } from '../product-files/life-products.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw, type Law } from './law.ts';

/** Law: sitemap, lists and categories contain every active product and nothing else. */
interface ListsSeen {
  active: string[];
  sitemap: string[];
  list: string[];
  categories: { slug: string; productCount: number; listed: string[] }[];
}

export const listsAgree = defineLaw<ListsSeen>({
  name: 'lists-agree',
  isCostly: true,
  patienceMs: 10_000,
  async gather(life) {
    const browser = life.browser();
    const rows = await askPostgres<{ slug: string }>(
      life.shop,
      "select slug from products where status = 'active'",
    );
    const answer = await browser.ask<{ items: { slug: string; productCount: number }[] }>(
      'GET',
      '/api/categories',
    );
    const slugsOf = async (query: Record<string, string>) =>
      (await askWholeList(browser, query)).map(({ slug }) => slug);
    const categories: ListsSeen['categories'] = [];
    for (const { slug, productCount } of answer.body.items)
      categories.push({ slug, productCount, listed: await slugsOf({ category: slug }) });
    return {
      active: rows.map(({ slug }) => slug),
      sitemap: await readSitemap(life),
      list: await slugsOf({}),
      categories,
    };
  },
  judge({ active, sitemap, list, categories }) {
    const ofCategories = [...new Set(categories.flatMap(({ listed }) => listed))];
    return [
      ...differences('the sitemap', sitemap, active),
      ...differences('the list of everything', list, active),
      ...differences('the lists of all categories', ofCategories, active),
      ...categories
        .filter(({ productCount, listed }) => productCount !== listed.length)
        .map(
          ({ slug, productCount, listed }) =>
            `${slug} says ${productCount} products and lists ${listed.length}`,
        ),
    ];
  },
});

function differences(where: string, seen: string[], active: string[]): string[] {
  const [there, right] = [new Set(seen), new Set(active)];
  return [
    ...active.filter((slug) => !there.has(slug)).map((slug) => `${slug} is missing from ${where}`),
    ...[...there]
      .filter((slug) => !right.has(slug))
      .map((slug) => `${slug} stands in ${where} though it is not sold`),
    ...(there.size === seen.length ? [] : [`${seen.length - there.size} products stand twice in ${where}`]),
  ];
}

/** Reads all parts of the sitemap. */
async function readSitemap(life: ShopLife): Promise<string[]> {
  const parts = await readLocations(life, '/sitemap.xml');
  const all: string[] = [];
  for (const part of parts) all.push(...(await readLocations(life, new URL(part).pathname)));
  return all
    .map((address) => new URL(address).pathname)
    .filter((path) => path.startsWith('/p/'))
    .map((path) => decodeURIComponent(path.slice('/p/'.length)));
}

async function readLocations(life: ShopLife, path: string): Promise<string[]> {
  const { status, body } = await life.browser().ask<string>('GET', path);
  if (status !== 200) throw new Error(`${path} was answered ${status}`);
  return [...body.matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, address]) => address!.replaceAll('&amp;', '&'));
}

/** Law: archived and draft products appear on no page, list, search or API answer, and cannot be bought. */
interface HiddenSeen {
  handle: string;
  /** The pages and answers that showed it. */
  places: string[];
}

interface Hidden {
  handle: string;
  name: string;
  sku: string;
  variantId: string;
}

export const nothingHiddenIsSeen = defineLaw<HiddenSeen[]>({
  name: 'nothing-hidden-is-seen',
  isCostly: true,
  patienceMs: 8_000,
  async gather(life) {
    const handles = await readHidden(life);
    if (handles.length === 0) return [];
    const sitemap = new Set(await readSitemap(life));
    const list = new Set((await askWholeList(life.browser(), {})).map(({ slug }) => slug));
    const seen: HiddenSeen[] = [];
    for (const hidden of handles) {
      const places = [
        ...(sitemap.has(hidden.handle) ? ['the sitemap'] : []),
        ...(list.has(hidden.handle) ? ['the list of everything'] : []),
        ...(await lookFor(life, hidden)),
      ];
      seen.push({ handle: hidden.handle, places });
    }
    return seen;
  },
  judge: (hidden) =>
    hidden
      .filter(({ places }) => places.length > 0)
      .map(({ handle, places }) => `${handle} is archived or a draft, and seen: ${places.join(', ')}`),
});

/** Reads hidden products by the drill's record and by the store, so that a wrongly active product is among them. */
function readHidden({ shop, record }: ShopLife): Promise<Hidden[]> {
  return askPostgres<Hidden>(
    shop,
    `select distinct on (p.id) p.slug as handle, p.name, v.sku, v.id as "variantId"
     from products p join variants v on v.product_id = p.id
     where p.status <> 'active' or p.slug = any($1::text[]) order by p.id, v.id`,
    [[...record.hidden]],
  );
}

async function lookFor(life: ShopLife, { handle, name, sku, variantId }: Hidden): Promise<string[]> {
  const browser = life.browser();
  const places: string[] = [];
  const address = encodeURIComponent(handle);
  if ((await browser.open(`/p/${address}`)).status === 200) places.push('its page');
  if ((await browser.ask('GET', `/api/products/${address}`)).status === 200) places.push('the API');
  for (const q of [name, sku]) {
    const search = new URLSearchParams({ q, limit: '100' });
    const { body } = await browser.ask<ShownProductList>('GET', `/api/products?${search}`);
    if (body.items?.some(({ slug }) => slug === handle)) places.push(`the search for “${q}”`);
  }
  const added = await browser.ask('POST', '/api/cart/lines', { variantId, quantity: 1 });
  if (added.status < 300) places.push('a cart that took it');
  return places;
}

// Laws of search: it finds each active product by its title, and every suggestion has results.

/**
 * Law: search finds each active product by its exact title, by its title typed plainly, and by each SKU. Each day
 * checks a slice of the catalog, so that a long life checks everything.
 */
interface SearchSeen {
  handle: string;
  asked: string;
  isFound: boolean;
  instead: string[];
}

interface Sought {
  handle: string;
  name: string;
  sku: string;
}

const searchesAtOnce = 4;
/** The demonstration catalog is checked in this many slices, one each day. */
const slices = 4;

function foundBy(name: string, typed: (product: Sought) => string): Law<SearchSeen[]> {
  return defineLaw<SearchSeen[]>({
    name,
    isCostly: true,
    patienceMs: 8_000,
    async gather(life) {
      const products = await productsOfTheDay(life);
      const seen: SearchSeen[] = [];
      const searchNext = async () => {
        for (let product = products.pop(); product !== undefined; product = products.pop())
          seen.push(await search(life, product.handle, typed(product)));
      };
      await Promise.all(Array.from({ length: searchesAtOnce }, searchNext));
      return seen;
    },
    judge: (seen) =>
      seen
        .filter(({ isFound }) => !isFound)
        .map(
          ({ handle, asked, instead }) =>
            `${handle} is not found by “${asked}”${instead.length === 0 ? '' : `, but ${instead.slice(0, 3).join(', ')}`}`,
        ),
  });
}

export const foundByTitle = foundBy('found-by-exact-title', ({ name }) => name);
export const foundByTypedTitle = foundBy('found-by-typed-title', ({ name }) => typedPlainly(name));
export const foundBySku = foundBy('found-by-sku', ({ sku }) => sku);

async function productsOfTheDay(life: ShopLife): Promise<Sought[]> {
  return askPostgres<Sought>(
    life.shop,
    `select p.slug as handle, p.name, (
       select v.sku from variants v where v.product_id = p.id order by (v.id + $3) % 7, v.id limit 1) as sku
     from products p
     where p.status = 'active' and (p.slug like $1 || '%' or p.id % $2 = $3 % $2)
     order by p.id`,
    [handlePrefix, slices, life.day],
  );
}

async function search(life: ShopLife, handle: string, asked: string): Promise<SearchSeen> {
  const query = new URLSearchParams({ q: asked, limit: '100' });
  const { status, body } = await life.browser().ask<ShownProductList>('GET', `/api/products?${query}`);
  if (status !== 200) return { handle, asked, isFound: false, instead: [`an answer of ${status}`] };
  const found = body.items.map(({ slug }) => slug);
  return { handle, asked, isFound: found.includes(handle), instead: found };
}

/** Law: every "did you mean" suggestion has results. */
export const suggestionsFind = defineLaw<Suggestion[]>({
  name: 'suggestions-find',
  gather: async ({ record }) => record.suggestions,
  judge: (suggestions) =>
    suggestions
      .filter(({ found }) => found === 0)
      .map(({ asked, suggested }) => `“${asked}” is answered with “${suggested}”, which finds nothing`),
});
