// Law: archived and draft products appear on no page, list, search or API answer, and cannot be bought.
import { askWholeList, type ProductList } from '../deeds/products.ts';
import type { Life } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';
import { defineLaw } from './law.ts';
import { readSitemap } from './lists-agree.ts';

export interface HiddenSeen {
  handle: string;
  /** Where it was met. */
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

/** By the drill's record as well as by the store: one that should be hidden and is not is told by what is met. */
function readHidden({ shop, record }: Life): Promise<Hidden[]> {
  return askPostgres<Hidden>(
    shop,
    `select distinct on (p.id) p.slug as handle, p.name, v.sku, v.id as "variantId"
     from products p join variants v on v.product_id = p.id
     where p.status <> 'active' or p.slug = any($1::text[]) order by p.id, v.id`,
    [[...record.hidden]],
  );
}

async function lookFor(life: Life, { handle, name, sku, variantId }: Hidden): Promise<string[]> {
  const browser = life.browser();
  const places: string[] = [];
  const address = encodeURIComponent(handle);
  if ((await browser.open(`/p/${address}`)).status === 200) places.push('its page');
  if ((await browser.ask('GET', `/api/products/${address}`)).status === 200) places.push('the API');
  for (const q of [name, sku]) {
    const search = new URLSearchParams({ q, limit: '100' });
    const { body } = await browser.ask<ProductList>('GET', `/api/products?${search}`);
    if (body.items?.some(({ slug }) => slug === handle)) places.push(`the search for “${q}”`);
  }
  const added = await browser.ask('POST', '/api/cart/lines', { variantId, quantity: 1 });
  if (added.status < 300) places.push('a cart that took it');
  return places;
}
