// `catalog-size`: uncached lists, searches and products as the catalog grows a hundredfold and more.
import pg from 'pg';
import { runLoad } from './load/run-load.ts';
import type { Step } from './load/visitor.ts';
import { growCatalog } from './many-products.ts';
import { measureLoad } from './measure.ts';
import type { BenchResult } from './result.ts';
import type { BenchShop } from './shop.ts';

const connections = 4;
const seconds = 5;
/** Of a catalog that has just been made, what is asked for often is not in memory yet. */
const warmSeconds = 3;
/** Each asked once, so that none is answered by a cache. */
const questions = 5_000;

/** How many times as long the largest catalog may take as the smallest. */
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
        // Products are few at first: to warm them up would answer them from a cache.
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

function ask(kind: Kind, size: number, made: number): Step[] {
  const step = (path: string): Step => ({ name: kind, path });
  return Array.from({ length: questions }, (_, turn) => {
    // Differs from question to question and from size to size.
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
