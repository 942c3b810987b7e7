import { Kysely, PostgresDialect, sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listCategories } from '../../origin/catalog/categories.ts';
import { listProducts } from '../../origin/catalog/list/list-products.ts';
import { parseListQuery } from '../../origin/catalog/list/list-query.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { readVariantsFresh } from '../../origin/catalog/read-variants.ts';
import { suggestSpelling } from '../../origin/catalog/search/suggest-spelling.ts';
import { createPool } from '../../origin/postgres/database.ts';
import type { Database, Db } from '../../origin/schema.ts';
import { makeManyProducts } from './many-products.ts';
import { type OpenCatalog, openCatalog } from './open-catalog.ts';

const products = 50_000;
let catalog: OpenCatalog;
/** Every statement of a read, as it was sent. */
let sent: { sql: string; parameters: readonly unknown[] }[] = [];
let watched: Db;

beforeAll(async () => {
  catalog = await openCatalog({ queryTimeoutMs: 300_000 });
  await makeManyProducts(catalog.db, products);
  const pool = createPool({ url: catalog.url, name: 'test-plans', max: 4, queryTimeoutMs: 20_000 });
  watched = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    log: (event) => {
      sent.push({ sql: event.query.sql, parameters: event.query.parameters });
    },
  });
  // A busy machine takes minutes to fill it.
}, 600_000);

afterAll(async () => {
  await watched?.destroy();
  await catalog?.[Symbol.asyncDispose]();
});

const lists: [address: string, index: string][] = [
  ['', 'products_newest'],
  ['sort=price-asc', 'products_by_price'],
  ['sort=price-desc&min=5000&max=9000', 'products_by_price'],
  ['category=men-3', 'products_by_category'],
  ['category=men-3&sort=price-desc', 'products_by_category_price'],
  ['category=women', 'products_by_category'],
  ['category=women&sort=price-asc', 'products_by_category_price'],
  ['size=M', 'products_newest'],
  ['color=Plum', 'products_by_options'],
  ['color=Plum&size=S', 'products_by_options'],
  ['q=velvet', 'products_search_blocks'],
  ['q=velvet+jack', 'products_search_blocks'],
  ['q=velvet&sort=price-asc', 'products_search_blocks'],
  ['q=sh', 'products_search_blocks'],
  ['q=cotton+shirt&size=M&color=Ecru&min=5000&max=9000', 'products_search_blocks'],
  ['q=cotton&category=women&sort=newest', 'products_search_blocks'],
  ['q=cotton+shirt+4', 'products_by_title'],
];

test.each(lists)('the list ?%s reads products by %s and scans no table', async (address, index) => {
  const query = parseListQuery(new URLSearchParams(address), 'api');
  const { plans, value } = await watch(() => listProducts(watched, { ...query, limit: 5 }));
  expect(value.value.items.length).toBeGreaterThan(0);
  expect(scansOf(plans)).toEqual([]);
  expect(indexesOf(plans)).toContain(index);
});

test.each(lists)('the part after the first of ?%s starts where the first ended', async (address) => {
  const query = { ...parseListQuery(new URLSearchParams(address), 'api'), limit: 2 };
  const first = await listProducts(watched, query);
  const cursor = first.value.nextCursor ?? undefined;
  if (cursor === undefined) return;
  const { plans } = await watch(() => listProducts(watched, { ...query, cursor }));
  expect(scansOf(plans)).toEqual([]);
});

test('a list of 50,000 reads a bounded number of rows', async () => {
  const query = parseListQuery(new URLSearchParams('category=women&sort=price-asc'), 'api');
  const { plans } = await watch(() => listProducts(watched, query), { analyze: true });
  // The list reads 25 rows of each of ten categories, and a thousand candidates for the facets.
  expect(rowsRead(plans)).toBeLessThan(5_000);
});

test.each([
  'q=cotton',
  'q=sh',
  'q=cotton&min=5000&max=5500',
  'q=linen+shirt&sort=price-asc',
  'q=cotton+linen',
])(
  'the search ?%s of 50,000 reads no more rows than a block of the index and the candidates',
  async (address) => {
    const query = parseListQuery(new URLSearchParams(address), 'api');
    const { plans } = await watch(() => listProducts(watched, query), { analyze: true });
    // About 5,500 rows of the block have the word. They are found and read, and a thousand of them twice.
    expect(entriesFound(plans) + rowsRead(plans)).toBeLessThan(20_000);
  },
);

test('the pages of a search of very common words show its newest thousand, each once and in order', async () => {
  const query = parseListQuery(new URLSearchParams('q=cotton&sort=price-asc&limit=100'), 'api');
  const shown: { id: string; price: { amount: number } }[] = [];
  let cursor: string | undefined;
  do {
    const { value } = await listProducts(watched, { ...query, cursor });
    shown.push(...value.items);
    cursor = value.nextCursor ?? undefined;
  } while (cursor !== undefined);
  const newest = await sql<{ id: string }>`
    select id from products where name like 'Cotton%' order by price_amount, id`.execute(catalog.db);
  const thousand = newest.rows
    .map(({ id }) => id)
    .toSorted((a, b) => Number(b) - Number(a))
    .slice(0, 1_000);
  expect(shown.map(({ id }) => id)).toEqual(
    newest.rows.map(({ id }) => id).filter((id) => thousand.includes(id)),
  );
});

test('a product, its variants and a spelling are found by index', async () => {
  const product = await watch(() => readProduct(watched, 'product-777'));
  expect(product.value.value?.variants).toHaveLength(2);
  expect(scansOf(product.plans)).toEqual([]);
  expect(indexesOf(product.plans)).toEqual(
    expect.arrayContaining(['products_slug_key', 'variants_by_product']),
  );
  const variants = await watch(() =>
    readVariantsFresh(
      watched,
      product.value.value!.variants.map(({ id }) => id),
    ),
  );
  expect(variants.value.size).toBe(2);
  expect(scansOf(variants.plans)).toEqual([]);
  const query = parseListQuery(new URLSearchParams('q=jakcet velvett'), 'api');
  const spelling = await watch(() => suggestSpelling(watched, query));
  expect(spelling.value.value).toEqual({ phrases: ['jacket velvet'], clear: true });
  expect(scansOf(spelling.plans)).toEqual([]);
  expect(indexesOf(spelling.plans)).toContain('search_words_similar');
});

test('categories are read without counting products', async () => {
  const { plans } = await watch(() => listCategories(watched));
  expect(nodesOf(plans).some((node) => node['Relation Name'] === 'products')).toBe(false);
});

test('a total beyond a thousand is shown as more, and a lower one exactly', async () => {
  const many = await listProducts(watched, parseListQuery(new URLSearchParams('category=men'), 'api'));
  expect(many.value.facets).toMatchObject({ total: 1_000, more: true });
  const few = await listProducts(watched, parseListQuery(new URLSearchParams('q=velvet'), 'api'));
  expect(few.value.facets).toMatchObject({ total: products / 500, more: false });
});

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  Plans?: PlanNode[];
}

/** Runs a read and returns Postgres' plan of each of its statements. */
async function watch<T>(
  read: () => Promise<T>,
  options: { analyze?: boolean } = {},
): Promise<{ value: T; plans: PlanNode[] }> {
  sent = [];
  const value = await read();
  const statements = sent.filter((statement) => /^\s*(select|with)/i.test(statement.sql));
  const plans: PlanNode[] = [];
  for (const statement of statements) {
    const explained = `explain (${options.analyze ? 'analyze, ' : ''}format json) ${statement.sql}`;
    const pieces = explained.split(/\$\d+/);
    const numbers = [...explained.matchAll(/\$(\d+)/g)].map((match) => Number(match[1]) - 1);
    const query = sql.join(
      pieces.flatMap((piece, at) =>
        at < numbers.length ? [sql.raw(piece), sql`${statement.parameters[numbers[at]!]}`] : [sql.raw(piece)],
      ),
      sql.raw(''),
    );
    const { rows } = await sql<{ 'QUERY PLAN': { Plan: PlanNode }[] }>`${query}`.execute(catalog.db);
    plans.push(rows[0]!['QUERY PLAN'][0]!.Plan);
  }
  return { value, plans };
}

function nodesOf(plans: PlanNode[]): PlanNode[] {
  return plans.flatMap((plan) => [plan, ...nodesOf(plan.Plans ?? [])]);
}

const large = ['products', 'variants', 'product_images'];

function scansOf(plans: PlanNode[]): string[] {
  return nodesOf(plans)
    .filter((node) => node['Node Type'] === 'Seq Scan' && large.includes(node['Relation Name'] ?? ''))
    .map((node) => node['Relation Name']!);
}

function indexesOf(plans: PlanNode[]): string[] {
  return [...new Set(nodesOf(plans).flatMap((node) => node['Index Name'] ?? []))];
}

/** Entries in the bitmaps, all of which are read before the first row. */
function entriesFound(plans: PlanNode[]): number {
  return nodesOf(plans)
    .filter((node) => node['Node Type'] === 'Bitmap Index Scan')
    .reduce((sum, node) => sum + (node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 0), 0);
}

function rowsRead(plans: PlanNode[]): number {
  return nodesOf(plans)
    .filter((node) => large.includes(node['Relation Name'] ?? ''))
    .reduce((sum, node) => sum + (node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 0), 0);
}
