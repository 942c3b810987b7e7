// `shoppers`: 500 keep-alive shoppers browse and add for a minute; measures the origin's cost and lost adds.
import { readFileSync } from 'node:fs';
import { openConnection } from '../traffic/http-connection.ts';
import { listProducts, listVariants } from '../traffic/read-catalog.ts';
import { type LoadResult, runLoad } from '../traffic/run-load.ts';
import type { VisitStep } from '../traffic/visitor.ts';
import type { BenchResult } from './measure.ts';
import type { BenchShop } from './shop.ts';

const shoppers = 500;
const seconds = 60;
const allowedMegabytes = 200;
/** A line holds 99 pieces and a cart 200 lines; further adds are refused. */
const variantsToAdd = 180;

export async function benchShoppers(shop: BenchShop): Promise<BenchResult> {
  const steps = await makeSteps(shop.url);
  const memory = watchMemory(shop.originPid);
  const result = await runLoad({ url: shop.url, connections: shoppers, seconds, steps });
  const peak = memory.stop();
  const lost = await countLostAdds(shop.url, result);
  const added = result.visitors.reduce((sum, visitor) => sum + (visitor.done['add'] ?? 0), 0);
  return {
    bench: 'shoppers',
    measured: `peak of the origin's resident memory in MB, ${shoppers} shoppers for ${seconds} s`,
    against: 'the memory that it may take',
    ours: Math.round(peak),
    theirs: allowedMegabytes,
    ratio: peak / allowedMegabytes,
    aim: 1,
    lessIsBetter: true,
    notes: [
      `${result.requests} requests (${Math.round(result.requests / result.seconds)} a second), ${tellRefusals(result)}, ${result.failed} failed`,
      `${added} adds acknowledged, ${lost} lost`,
      `half of the answers within ${result.p50Ms.toFixed(0)} ms, 99 % within ${result.p99Ms.toFixed(0)} ms`,
    ],
  };
}

function tellRefusals({ refused, refusals }: LoadResult): string {
  const kinds = Object.entries(refusals).map(([kind, times]) => `${kind}: ${times}`);
  return [`${refused} refused`, ...kinds].join(', ');
}

/** Each shopper looks at seven pages for each piece that it adds. */
async function makeSteps(url: string): Promise<VisitStep[]> {
  const products = await listProducts(url, 100);
  const variants = (await listVariants(url, 100)).flat().slice(0, variantsToAdd);
  const look = (path: string): VisitStep => ({
    name: 'look',
    path,
    headers: { 'accept-encoding': 'gzip, deflate, br, zstd' },
  });
  const categories = [...new Set(products.map((product) => product.category))];
  return variants.flatMap((variantId, turn): VisitStep[] => {
    const product = (offset: number) => products[(turn * 3 + offset) % products.length]!;
    return [
      look('/'),
      look(`/c/${categories[turn % categories.length]}`),
      look(`/p/${product(0).slug}`),
      look(`/p/${product(1).slug}`),
      look(`/api/products/${product(2).slug}`),
      look('/search?q=linen'),
      look('/api/cart'),
      { name: 'add', method: 'POST', path: '/api/cart/lines', body: { variantId, quantity: 1 } },
    ];
  });
}

/**
 * Counts the pieces that are missing in the shoppers' carts. A cart may hold one more piece if the answer to an add was
 * cut off at the end.
 */
async function countLostAdds(url: string, { visitors }: LoadResult): Promise<number> {
  const connection = openConnection(url);
  let lost = 0;
  for (const { cookie, done } of visitors.filter((visitor) => (visitor.done['add'] ?? 0) > 0)) {
    const { body } = await connection.get('/api/cart', `cookie: ${cookie}\r\n`);
    lost += Math.max(0, done['add']! - (JSON.parse(body().toString()) as { count: number }).count);
  }
  connection.close();
  return lost;
}

/** @returns a function that stops and returns the highest resident size since then, in MB */
function watchMemory(pid: number): { stop(): number } {
  let peak = 0;
  const look = () => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    peak = Math.max(peak, Number(kilobytes) / 1_024);
  };
  look();
  const timer = setInterval(look, 200);
  return {
    stop() {
      clearInterval(timer);
      look();
      return peak;
    },
  };
}
