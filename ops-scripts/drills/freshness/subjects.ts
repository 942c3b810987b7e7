// The products that the drill changes, and the addresses that show them.
import { readCatalog } from '../../traffic/read-catalog.ts';
import type { SeededRandom } from '../../traffic/seeded-random.ts';

export interface Subject {
  id: string;
  slug: string;
  /** The variant whose stock is changed. */
  variantId: string;
  /** The lowest price in minor units that the drill sets, above every earlier price of the product. */
  firstPrice: number;
  /** The lowest stock that the drill sets. */
  firstStock: number;
  /** Pieces of the other variants, which nobody changes. Lists show the sum of all variants. */
  otherStock: number;
}

export interface Target {
  path: string;
  shows: 'product-json' | 'product-page' | 'list-json' | 'list-page' | 'absence' | 'archivable';
  /** The subject whose own page it is. */
  subject?: number;
}

interface ProductJson {
  id: string;
  slug: string;
  category: string;
  price: { amount: number };
  variants: { id: string; available: number }[];
}

/** Higher than the price of any clothes, so that a price identifies its change. */
export const leastPrice = 1_000_000;
const leastStock = 1_000;

/** Chooses the newest products, because the front page and the plain list show them. */
export async function chooseSubjects(
  url: string,
  count: number,
): Promise<{ subjects: Subject[]; categories: string[] }> {
  const { items } = await readCatalog<{ items: { slug: string }[] }>(`${url}/api/products?limit=${count}`);
  const products = await Promise.all(
    items.map(({ slug }) => readCatalog<ProductJson>(`${url}/api/products/${slug}`)),
  );
  const subjects = products.map(({ id, slug, price, variants }): Subject => {
    const [own, ...others] = variants as [ProductJson['variants'][0], ...ProductJson['variants']];
    return {
      id,
      slug,
      variantId: own.id,
      firstPrice: Math.max(leastPrice, price.amount + 1),
      firstStock: Math.max(leastStock, own.available + 1),
      otherStock: others.reduce((sum, { available }) => sum + available, 0),
    };
  });
  return { subjects, categories: [...new Set(products.map(({ category }) => category))] };
}

/** Lists own pages more often than lists, as in a real shop. */
export function listTargets(
  subjects: Subject[],
  categories: string[],
  archivedSlug: string | undefined,
  random: SeededRandom,
): Target[] {
  const own = subjects.flatMap(({ slug }, subject): Target[] => [
    { path: `/p/${slug}`, shows: 'product-page', subject },
    { path: `/api/products/${slug}`, shows: 'product-json', subject },
  ]);
  const words = subjects.map(({ slug }) => slug.split('-').at(-1)!);
  const lists = categories.slice(0, 4).flatMap((category): Target[] => [
    { path: `/c/${category}`, shows: 'list-page' },
    { path: `/api/products?category=${category}`, shows: 'list-json' },
  ]);
  const searches = [...new Set(words)].slice(0, 4).flatMap((word): Target[] => [
    { path: `/search?q=${word}`, shows: 'list-page' },
    { path: `/api/products?q=${word}`, shows: 'list-json' },
  ]);
  const whole: Target[] = [
    { path: '/', shows: 'list-page' },
    { path: `/api/products?limit=${subjects.length}`, shows: 'list-json' },
    { path: '/api/products?sort=price-desc', shows: 'list-json' },
  ];
  const archivable =
    archivedSlug === undefined ? [] : [`/p/${archivedSlug}`, `/api/products/${archivedSlug}`];
  const absent = `nobody-made-this-${random.integer(1, 1_000_000)}`;
  return [
    ...own,
    ...own,
    ...lists,
    ...searches,
    ...whole,
    ...[...archivable, ...archivable].map((path): Target => ({ path, shows: 'archivable' })),
    { path: `/p/${absent}`, shows: 'absence' },
    { path: `/api/products/${absent}`, shows: 'absence' },
  ];
}
