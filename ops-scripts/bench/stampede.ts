// `stampede`: 1,000 simultaneous requests for an uncached page; counts how often the page was rendered.

import { openConnection } from '../traffic/http-connection.ts';
import { listProducts } from '../traffic/read-catalog.ts';
import { type BenchResult, median, readReads } from './measure.ts';
import type { BenchShop } from './shop.ts';

const requests = 1_000;
const rounds = 3;

export async function benchStampede(shop: BenchShop): Promise<BenchResult> {
  const products = await listProducts(shop.url, 100);
  const fills: number[] = [];
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // From the end of the list: pages that no other benchmark has asked for.
    const { slug } = products.at(-1 - round)!;
    const before = await countReads(shop.metricsUrl);
    const began = performance.now();
    await askAtOnce(shop.url, `/p/${slug}`);
    seconds.push((performance.now() - began) / 1_000);
    fills.push((await countReads(shop.metricsUrl)) - before);
  }
  const made = median(fills);
  return {
    bench: 'stampede',
    measured: `times that Postgres was asked for a page that ${requests} asked for at once`,
    against: 'once',
    ours: made,
    theirs: 1,
    ratio: made,
    aim: 1,
    lessIsBetter: true,
    notes: [`median of ${rounds} pages; all were answered after ${median(seconds).toFixed(2)} s`],
  };
}

/** @throws where one is not answered with the page. */
async function askAtOnce(url: string, path: string): Promise<void> {
  const connections = Array.from({ length: requests }, () => openConnection(url));
  try {
    // Open first, so that they arrive together.
    await Promise.all(connections.map((one) => one.get('/livez')));
    const answers = await Promise.all(connections.map((one) => one.get(path, 'accept-encoding: br\r\n')));
    const refused = answers.filter((answer) => answer.status !== 200).length;
    if (refused > 0) throw new Error(`Cannot measure the stampede as ${refused} were refused`);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Misses are filled by one of those who wait; every read of Postgres for a page is counted by the origin. */
async function countReads(metricsUrl: string): Promise<number> {
  return Object.values(await readReads(metricsUrl)).reduce((sum, count) => sum + count, 0);
}
