// Laws of search: it finds each active product by its title, and every suggestion has results.
import type { ShownProductList } from '../deeds/products.ts';
import type { ShopLife, Suggestion } from '../life.ts';
import { handlePrefix, typedPlainly } from '../product-files/life-products.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw, type Law } from './law.ts';

/**
 * Law: search finds each active product by its exact title, by its title typed plainly, and by each SKU. Each
 * day checks a slice of the catalog, so that a long life checks all of it.
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
/** Of the demonstration catalog, each day another slice of so many parts. */
const slices = 4;

function foundBy(name: string, typed: (product: Sought) => string): Law<SearchSeen[]> {
  return defineLaw<SearchSeen[]>({
    name,
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
