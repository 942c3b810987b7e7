// `catalog-size`: uncached lists, searches and products as the catalog grows a hundredfold and more.
import pg from 'pg';
import { runLoad, type VisitStep } from '../traffic/run-load.ts';
import { type BenchResult, measureLoad } from './measure.ts';
import type { BenchShop } from './shop.ts';

const connections = 4;
const seconds = 5;
/** A new catalog is not in memory yet, so frequent questions are asked for this long before the measurement. */
const warmSeconds = 3;
/** The number of questions. Each is asked once, so that no cache answers one. */
const questions = 5_000;

/** How many times longer the largest catalog may take than the smallest. */
const kinds = { list: 2, search: 5, product: 2 };
type Kind = keyof typeof kinds;

export const benchCatalogSize = (shop: BenchShop) => measureSizes(shop, [1_000, 10_000, 100_000]);
export const benchCatalogOfMillion = (shop: BenchShop) =>
  measureSizes(shop, [1_000, 10_000, 100_000, 1_000_000]);

async function measureSizes(shop: BenchShop, sizes: number[]): Promise<BenchResult[]> {
  const client = new pg.Client({ connectionString: shop.databaseUrl });
  await client.connect();
  const p95Ms: Record<Kind, number[]> = { list: [], search: [], product: [] };
  try {
    for (const size of sizes) {
      const made = await growCatalog(client, size);
      for (const kind of Object.keys(kinds) as Kind[]) {
        const load = { url: shop.url, connections };
        // There are few products at first, so warming them up would answer the questions from a cache.
        if (kind !== 'product')
          await runLoad({ ...load, seconds: warmSeconds, steps: ask(kind, size + 1, made) });
        const steps = ask(kind, size, made);
        p95Ms[kind].push((await measureLoad({ ...load, seconds, steps }, shop.originPid)).p95Ms);
      }
    }
  } finally {
    await client.end();
  }
  return Object.entries(kinds).map(([kind, aim]) => compare(kind as Kind, aim, sizes, p95Ms[kind as Kind]));
}

function ask(kind: Kind, size: number, made: number): VisitStep[] {
  const step = (path: string): VisitStep => ({ name: kind, path });
  return Array.from({ length: questions }, (_, turn) => {
    // The price differs for each question and each size.
    const price = (turn * 37) % 20_000;
    const bounds = `min=${price}&max=${price + 2_000 + (size % 997)}`;
    if (kind === 'list') return step(`/api/products?${bounds}&sort=price-asc&limit=24`);
    if (kind === 'search') return step(`/api/products?q=linen+shirt&${bounds}&limit=24`);
    return step(`/api/products/bench-${1 + ((turn * 7_919 + size) % made)}`);
  });
}

function compare(kind: Kind, aim: number, sizes: number[], p95Ms: number[]): BenchResult {
  const [smallest, largest] = [p95Ms[0]!, p95Ms.at(-1)!];
  const round = (ms: number) => Math.round(ms * 10) / 10;
  return {
    bench: `catalog-size ${kind}`,
    measured: `ms, 95 of 100 within, ${sizes.at(-1)!.toLocaleString('en')} products, past every cache`,
    against: `the same with ${sizes[0]!.toLocaleString('en')} products`,
    ours: round(largest),
    theirs: round(smallest),
    ratio: largest / smallest,
    aim,
    lessIsBetter: true,
    notes: [
      sizes.map((size, index) => `${size.toLocaleString('en')}: ${round(p95Ms[index]!)} ms`).join(', '),
    ],
  };
}

/** The separator of size and colour in `size_colors`. */
const pairSeparator = '\u001f';

/**
 * Fills the catalog up to `count` generated products with slugs `bench-<n>`. Each has two variants and one picture, in
 * the demo's categories. @returns how many there are
 */
async function growCatalog(client: pg.Client, count: number): Promise<number> {
  const { rows } = await client.query<{ total: number; made: number }>(
    `select count(*)::integer as total, count(*) filter (where slug like 'bench-%')::integer as made from products`,
  );
  const { total, made } = rows[0]!;
  const last = made + Math.max(0, count - total);
  await client.query('begin');
  await client.query(`set local myclothes.events = 'off'`);
  // One product in 20 is a jacket, and one in 500 is of velvet.
  await client.query(
    `insert into products (slug, name, description_html, brand, category_id, price_amount, sizes, colors, size_colors)
     select 'bench-' || n,
       case when n % 500 = 0 then 'Velvet ' when n % 3 = 0 then 'Linen ' else 'Cotton ' end
         || case when n % 20 = 0 then 'jacket ' when n % 2 = 0 then 'shirt ' else 'trousers ' end || n,
       '<p>Cut with an easy fit, piece ' || n || '</p>', (array['Norlund', 'Halma', 'Ardea'])[1 + n % 3],
       (array(select id from categories where parent_id is not null order by id))[1 + n % 10],
       1000 + (n * 7919) % 20000, '{S,M}', array[colour], array['S' || $3::text || colour, 'M' || $3::text || colour]
     from (select n, (array['Navy', 'Red', 'Ecru', 'Sage'])[1 + n % 4] as colour
           from generate_series($1::bigint, $2::bigint) n) made`,
    [made + 1, last, pairSeparator],
  );
  await client.query(
    `insert into variants (product_id, sku, size, color, price_amount, available, position)
     select p.id, p.slug || '-' || size, size, p.colors[1], p.price_amount, p.id % 30, place
     from products p, unnest(p.sizes) with ordinality as s (size, place)
     where p.slug like 'bench-%' and not exists (select from variants v where v.product_id = p.id)`,
  );
  await client.query('commit');
  for (const table of ['products', 'variants']) await client.query(`vacuum analyze ${table}`);
  return last;
}
