// Picks a product and a variant from the shop's catalog API.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Browser } from '../browser/browser.ts';
import type { ShopLife } from '../life.ts';
import { handlePrefix, oddPieces } from '../product-files/life-products.ts';

interface Money {
  amount: number;
  currency: string;
}

export interface ShownVariant {
  id: string;
  sku: string;
  size: string;
  color: string;
  price: Money;
  available: number;
}

export interface ShownProduct {
  id: string;
  slug: string;
  name: string;
  description: string;
  price: Money;
  variants: ShownVariant[];
}

export interface Summary {
  id: string;
  slug: string;
  name: string;
  category: string;
}

export interface ShownProductList {
  items: Summary[];
  nextCursor: string | null;
}

/**
 * Picks one of the drill's own products, with all their unusual characters, half of the time. @returns a handle that
 * the drill did not hide
 */
export async function pickHandle(life: ShopLife, random: SeededRandom, browser: Browser): Promise<string> {
  const own = `${handlePrefix}${random.integer(1, oddPieces.length)}`;
  if (random.next() < 0.6 && !life.record.hidden.has(own)) return own;
  const { items: categories } = (await browser.ask<{ items: { slug: string }[] }>('GET', '/api/categories'))
    .body;
  const query = new URLSearchParams({ category: random.pick(categories).slug, limit: '50' });
  const { items } = (await browser.ask<ShownProductList>('GET', `/api/products?${query}`)).body;
  const seen = items.filter(({ slug }) => !life.record.hidden.has(slug));
  return seen.length === 0 ? own : random.pick(seen).slug;
}

/** @returns undefined if it was archived meanwhile */
export async function askProduct(browser: Browser, handle: string): Promise<ShownProduct | undefined> {
  const { status, body } = await browser.ask<ShownProduct>(
    'GET',
    `/api/products/${encodeURIComponent(handle)}`,
  );
  return status === 200 ? body : undefined;
}

/** Reads all pages of the list. */
export async function askWholeList(browser: Browser, query: Record<string, string>): Promise<Summary[]> {
  const all: Summary[] = [];
  let cursor: string | null = null;
  do {
    const more: Record<string, string> = cursor === null ? {} : { cursor };
    const search = new URLSearchParams({ ...query, ...more, limit: '100' });
    const { status, body } = await browser.ask<ShownProductList>('GET', `/api/products?${search}`);
    if (status !== 200) throw new Error(`Cannot list ${search} as it was answered ${status}`);
    all.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return all;
}
