// Reads from the catalog API what a visitor may look at and buy, with retries while a shop has just started.
import { setTimeout as delay } from 'node:timers/promises';

const mostAttempts = 10;
const againMs = 200;

/**
 * Reads from the API with retries, because a shop that has just started may answer 503 while caches are empty.
 * @throws the last refusal if the shop keeps refusing
 */
export async function readCatalog<Body>(url: string): Promise<Body> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (response.ok) return (await response.json()) as Body;
    const refusal = `Cannot read ${url} as it answered ${response.status}: ${(await response.text()).slice(0, 300)}`;
    if (attempt === mostAttempts) throw new Error(refusal);
    console.error(`${refusal}; trying again`);
    await delay(attempt * againMs);
  }
}

/** A variant that can be bought. */
export interface StockedVariant {
  slug: string;
  id: string;
  /** Whole pieces. */
  available: number;
}

/**
 * Returns the variants in stock of so many products, those with the most pieces first. @throws if the shop does not
 * answer
 */
export async function readVariants(url: string, products: number): Promise<StockedVariant[]> {
  const { items } = await readCatalog<{ items: { slug: string }[] }>(`${url}/api/products?limit=${products}`);
  const found: StockedVariant[] = [];
  for (const { slug } of items) {
    const { variants } = await readCatalog<{ variants: { id: string; available: number }[] }>(
      `${url}/api/products/${slug}`,
    );
    found.push(...variants.map(({ id, available }) => ({ slug, id, available })));
  }
  return found.filter(({ available }) => available > 0).sort((a, b) => b.available - a.available);
}

/** A product of the benchmarked shop, with the slugs of its page and of its list. */
export interface ListedProduct {
  id: string;
  slug: string;
  category: string;
}

export async function listProducts(url: string, limit: number): Promise<ListedProduct[]> {
  const { items } = (await (await fetch(`${url}/api/products?limit=${limit}`)).json()) as {
    items: ListedProduct[];
  };
  return items;
}

/** @returns for each product the ids of its variants that can be bought, at least one */
export async function listVariants(url: string, ofProducts: number): Promise<[string, ...string[]][]> {
  const products: Product[] = [];
  // Products are read one by one, so that a shop that has just started does not refuse them.
  for (const { slug } of await listProducts(url, ofProducts)) {
    products.push((await (await fetch(`${url}/api/products/${slug}`)).json()) as Product);
  }
  return products
    .map(({ variants }) => variants.filter(({ available }) => available > 0).map(({ id }) => id))
    .filter((ids): ids is [string, ...string[]] => ids.length > 0);
}

interface Product {
  variants: { id: string; available: number }[];
}
