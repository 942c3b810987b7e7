// Reads product and list addresses of the benchmarked shop from its API.
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

/** @returns for each product the ids of its variants that can be bought, at least one. */
export async function listVariants(url: string, ofProducts: number): Promise<[string, ...string[]][]> {
  const products: Product[] = [];
  // One after another: a shop that has just begun must not refuse them.
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
