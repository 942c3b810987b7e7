// `warm-page` and `product-json`: a product out of the warm cache, against bare node:http with the same bytes and headers.
import { startBareServer } from './bare-server.ts';
import { alternate, type Measured, measureLoad, median } from './measure.ts';
import type { BenchResult } from './result.ts';
import type { BenchShop } from './shop.ts';

const seconds = 4;
const rounds = 3;
const connections = 32;
const headers = { 'accept-encoding': 'br' };

export async function benchWarmPage(shop: BenchShop): Promise<BenchResult> {
  const slug = await anySlug(shop);
  return againstBare(shop, 'warm-page', `/p/${slug}`, 0.5);
}

export async function benchProductJson(shop: BenchShop): Promise<BenchResult> {
  const slug = await anySlug(shop);
  return againstBare(shop, 'product-json', `/api/products/${slug}`, 0.5);
}

async function againstBare(shop: BenchShop, bench: string, path: string, aim: number): Promise<BenchResult> {
  const url = `${shop.url}${path}`;
  await using bare = await startBareServer(url, headers);
  const load = (target: string) => ({ url: target, connections, seconds, headers });
  await measureLoad({ ...load(url), seconds: 2 }, shop.originPid);
  const [ours, theirs] = await alternate(
    rounds,
    () => measureLoad(load(url), shop.originPid),
    () => measureLoad(load(bare.url), bare.pid),
  );
  return compare(bench, path, ours, theirs, aim);
}

function compare(
  bench: string,
  path: string,
  ours: Measured[],
  theirs: Measured[],
  aim: number,
): BenchResult {
  const ourRate = median(ours.map((round) => round.perCpuSecond));
  const bareRate = median(theirs.map((round) => round.perCpuSecond));
  return {
    bench,
    measured: `GET ${path}, requests a second of the origin's processor time`,
    against: 'bare node:http with the same bytes and headers, requests a second of its processor time',
    ours: Math.round(ourRate),
    theirs: Math.round(bareRate),
    ratio: ourRate / bareRate,
    aim,
    notes: [
      `${Math.round(ours[0]!.bytes)} bytes an answer, ${connections} connections, ${rounds} rounds of ${seconds} s in turn`,
      `by the wall clock ${(median(ours.map((r) => r.perSecond)) / median(theirs.map((r) => r.perSecond))).toFixed(2)}; 97.5 % of answers within ${median(ours.map((round) => round.p95Ms))} ms`,
    ],
  };
}

async function anySlug(shop: BenchShop): Promise<string> {
  const list = (await (await fetch(`${shop.url}/api/products?limit=1`)).json()) as {
    items: { slug: string }[];
  };
  return list.items[0]!.slug;
}
