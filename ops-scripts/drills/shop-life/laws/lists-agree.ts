// Law: sitemap, lists and categories contain every active product and nothing else.
import { askWholeList } from '../deeds/products.ts';
import type { Life } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw } from './law.ts';

export interface ListsSeen {
  active: string[];
  sitemap: string[];
  list: string[];
  categories: { slug: string; productCount: number; listed: string[] }[];
}

export const listsAgree = defineLaw<ListsSeen>({
  name: 'lists-agree',
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

/** All of its parts. */
export async function readSitemap(life: Life): Promise<string[]> {
  const parts = await readLocations(life, '/sitemap.xml');
  const all: string[] = [];
  for (const part of parts) all.push(...(await readLocations(life, new URL(part).pathname)));
  return all
    .map((address) => new URL(address).pathname)
    .filter((path) => path.startsWith('/p/'))
    .map((path) => decodeURIComponent(path.slice('/p/'.length)));
}

async function readLocations(life: Life, path: string): Promise<string[]> {
  const { status, body } = await life.browser().ask<string>('GET', path);
  if (status !== 200) throw new Error(`${path} was answered ${status}`);
  return [...body.matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, address]) => address!.replaceAll('&amp;', '&'));
}
