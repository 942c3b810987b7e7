// Reads from the catalog API which variants can be bought.
import { readCatalog } from './read-catalog.ts';

export interface StockedVariant {
  slug: string;
  id: string;
  /** Whole pieces. */
  available: number;
}

/**
 * Of so many products, the variants that are not sold out; most pieces first. @throws where the shop does not answer
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
