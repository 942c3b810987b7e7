import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProductDraft } from '../../origin/catalog/change/product-draft.ts';
import { listProducts } from '../../origin/catalog/list/list-products.ts';
import { type ListQuery, parseListQuery, type Sort } from '../../origin/catalog/list/list-query.ts';
import type { Facets } from '../../origin/catalog/product.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import type { Db } from '../../origin/schema.ts';
import { aProduct, aVariant, openCatalog, saveAll } from './open-catalog.ts';

const sizes = ['S', 'M', 'L'];
const colors = ['Navy', 'Red', 'Ecru'];
const kinds = ['shirts', 'skirts', 'socks'];

/** Many products have the same price, so that pages are cut between equal ones. */
const draftOf = (index: number, seed: number): ProductDraft => {
  const bits = (seed >>> 0) % 512;
  const variants = sizes.flatMap((size, row) =>
    colors
      .filter((_, column) => bits & (1 << (row * 3 + column)))
      .map((color) => aVariant(`p${index}`, size, color, { priceAmount: 1_000 + (seed % 3) * 500 })),
  );
  const kind = kinds[index % kinds.length]!;
  return aProduct(`p${index}`, {
    name: index % 4 === 0 ? `Linen piece ${index}` : `Cotton piece ${index}`,
    category: [
      { slug: 'all', name: 'All' },
      { slug: kind, name: kind },
    ],
    status: index % 11 === 10 ? 'archived' : 'active',
    variants: variants.length > 0 ? variants : [aVariant(`p${index}`, '', '', { priceAmount: 1_000 })],
  });
};

const drafts = Array.from({ length: 90 }, (_, index) =>
  draftOf(index, Math.imul(index + 1, 2_654_435_761) >>> 7),
);

const filters = fc.record({
  q: fc.constantFrom('', 'linen', 'piece', 'cott'),
  category: fc.constantFrom(undefined, 'all', ...kinds, 'nowhere'),
  sizes: fc.subarray(sizes),
  colors: fc.subarray(colors),
  min: fc.constantFrom(undefined, 1_001, 1_500),
  max: fc.constantFrom(undefined, 1_499, 2_000),
  sort: fc.constantFrom<Sort>('newest', 'price-asc', 'price-desc', 'relevance'),
  limit: fc.integer({ min: 1, max: 40 }),
});

type Filters = typeof filters extends fc.Arbitrary<infer Value> ? Value : never;

test('pages by cursor show every product that matches once, in order, whatever the filter and sort', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, drafts);
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const expected = drafts.filter((draft) => matches(draft, filter)).map((draft) => draft.slug);
      const shown = await readAll(catalog.db, toQuery(filter));
      expect(shown.map((item) => item.slug).sort()).toEqual(expected.sort());
      const keys = shown.map((item) => [item.price.amount, Number(item.id)] as const);
      if (filter.sort === 'price-asc')
        expect(keys).toEqual(keys.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
      if (filter.sort === 'price-desc')
        expect(keys).toEqual(keys.toSorted((a, b) => b[0] - a[0] || b[1] - a[1]));
      if (filter.sort === 'newest') expect(keys).toEqual(keys.toSorted((a, b) => b[1] - a[1]));
    }),
    { numRuns: 60 },
  );
});

test('each facet counts what choosing its value would list', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, drafts);
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const { value } = await listProducts(catalog.db, toQuery(filter));
      expect(value.facets).toEqual(countByHand(filter));
    }),
    { numRuns: 60 },
  );
});

test('a page number shows the same part as the cursor that leads there', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, drafts.slice(0, 40));
  const query = toQuery({ sort: 'price-asc', limit: 7 });
  const first = (await listProducts(catalog.db, query)).value;
  const byCursor = (await listProducts(catalog.db, { ...query, cursor: first.nextCursor! })).value;
  const byNumber = (await listProducts(catalog.db, { ...query, page: 2 })).value;
  expect(byNumber.items).toEqual(byCursor.items);
  expect(byNumber.nextCursor).toBe(byCursor.nextCursor);
});

test('a cursor of another filter or sort, or one that was never given, is refused', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, drafts.slice(0, 10));
  const query = toQuery({ sort: 'newest', limit: 2 });
  const cursor = (await listProducts(catalog.db, query)).value.nextCursor!;
  const others: Partial<ListQuery>[] = [
    { sort: 'price-asc' },
    { sizes: ['S'] },
    { min: 1 },
    { category: 'all' },
    { q: 'linen', sort: 'relevance' },
  ];
  for (const other of others) {
    await expect(listProducts(catalog.db, { ...query, ...other, cursor })).rejects.toMatchObject({
      status: 400,
    });
  }
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1 }), async (made) => {
      await expect(listProducts(catalog.db, { ...query, cursor: made })).rejects.toMatchObject({
        code: 'bad-cursor',
      });
    }),
    { numRuns: 40 },
  );
});

test('a list bears the tags of all that it shows and of its set, and a product those of its stock', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, drafts.slice(0, 6));
  const list = await listProducts(catalog.db, toQuery({ category: 'shirts' }));
  const names = list.value.items.flatMap((item) => [`product:${item.id}`, `product-stock:${item.id}`]);
  expect(Object.keys(list.tags).sort()).toEqual(['category:shirts', ...names].sort());
  const product = await readProduct(catalog.db, 'p1');
  const ofStock = product.value!.variants.map((variant) => `stock:${variant.id}`);
  expect(Object.keys(product.tags).sort()).toEqual([`product:${product.value!.id}`, ...ofStock].sort());
  expect(await readProduct(catalog.db, 'nobody')).toEqual({ value: undefined, tags: { 'slug:nobody': 0 } });
});

test('any address gets a list or a refusal of status 400, and never causes a fault of the shop', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, drafts.slice(0, 5));
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.constantFrom("' & | !", ':*', '\0', 'a\0b', '<->', '\ud800'),
  );
  const params = fc.dictionary(
    fc.constantFrom('q', 'category', 'size', 'color', 'min', 'max', 'sort', 'cursor', 'limit', 'page'),
    text,
  );
  await fc.assert(
    fc.asyncProperty(params, fc.constantFrom('api' as const, 'page' as const), async (given, dialect) => {
      try {
        await listProducts(catalog.db, parseListQuery(new URLSearchParams(given), dialect));
      } catch (error) {
        expect(error).toMatchObject({ name: 'Refusal', status: 400 });
      }
    }),
    { numRuns: 200 },
  );
});

function toQuery(filter: Partial<Filters>): ListQuery {
  const q = filter.q ?? '';
  const sort = filter.sort ?? 'newest';
  return {
    q,
    category: filter.category,
    sizes: filter.sizes ?? [],
    colors: filter.colors ?? [],
    min: filter.min,
    max: filter.max,
    sort: sort === 'relevance' && q === '' ? 'newest' : sort,
    limit: filter.limit ?? 24,
    page: 1,
    cursor: undefined,
  };
}

async function readAll(db: Db, query: ListQuery) {
  const shown = [];
  let cursor: string | undefined;
  do {
    const { value } = await listProducts(db, { ...query, cursor });
    shown.push(...value.items);
    cursor = value.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return shown;
}

function matches(draft: ProductDraft, filter: Filters, omit?: 'sizes' | 'colors' | 'price'): boolean {
  const price = Math.min(...draft.variants.map((variant) => variant.priceAmount));
  const wanted = {
    sizes: omit === 'sizes' ? [] : filter.sizes,
    colors: omit === 'colors' ? [] : filter.colors,
  };
  return (
    draft.status === 'active' &&
    (filter.category === undefined || draft.category.some((category) => category.slug === filter.category)) &&
    draft.name.toLowerCase().includes(filter.q) &&
    draft.variants.some(
      (variant) =>
        (wanted.sizes.length === 0 || wanted.sizes.includes(variant.size)) &&
        (wanted.colors.length === 0 || wanted.colors.includes(variant.color)),
    ) &&
    (omit === 'price' || filter.min === undefined || price >= filter.min) &&
    (omit === 'price' || filter.max === undefined || price <= filter.max)
  );
}

/** Counts each facet value by trying it. */
function countByHand(filter: Filters): Facets {
  const countOf = (change: Partial<Filters>) =>
    drafts.filter((draft) => matches(draft, { ...filter, ...change })).length;
  const prices = drafts
    .filter((draft) => matches(draft, filter, 'price'))
    .map((draft) => Math.min(...draft.variants.map((variant) => variant.priceAmount)));
  const counted = (values: string[], change: (value: string) => Partial<Filters>) =>
    values.map((value) => ({ value, count: countOf(change(value)) })).filter(({ count }) => count > 0);
  const byCount = (a: { value: string; count: number }, b: { value: string; count: number }) =>
    b.count - a.count || (a.value < b.value ? -1 : 1);
  const within = drafts.filter((draft) => matches(draft, filter));
  const kindCounts = kinds.map((value) => ({
    value,
    count: within.filter((draft) => draft.category.at(-1)!.slug === value).length,
  }));
  const money = (amount: number) => ({ amount, currency: 'EUR' });
  return {
    total: within.length,
    more: false,
    sizes: counted(sizes, (size) => ({ sizes: [size] })),
    colors: counted(colors, (color) => ({ colors: [color] })).sort(byCount),
    categories: kindCounts.filter(({ count }) => count > 0).sort(byCount),
    price: prices.length === 0 ? null : { min: money(Math.min(...prices)), max: money(Math.max(...prices)) },
  } as Facets;
}
