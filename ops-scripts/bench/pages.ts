// Pages and JSON from warm caches, of the origin and through the edge, against bare node:http with the same bytes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { openConnection } from '../traffic/http-connection.ts';
import { listProducts } from '../traffic/read-catalog.ts';
import { alternate, type BenchResult, type MeasuredLoad, measureLoad, median, readReads } from './measure.ts';
import type { BenchShop } from './shop.ts';

const seconds = 4;
const rounds = 3;
const connections = 32;
const headers = { 'accept-encoding': 'br' };

interface Page {
  path: (shop: BenchShop) => Promise<string>;
  by: 'origin' | 'edge';
  aim: number;
}

const productPath = (prefix: string) => async (shop: BenchShop) => {
  const [product] = await listProducts(shop.url, 1);
  return `${prefix}${product!.slug}`;
};
const listPath = async (shop: BenchShop) => `/c/${(await listProducts(shop.url, 1))[0]!.category}`;

const pages: Record<string, Page> = {
  'warm-page': { path: productPath('/p/'), by: 'origin', aim: 0.5 },
  'origin-page': { path: async () => '/', by: 'origin', aim: 0.6 },
  'product-json': { path: productPath('/api/products/'), by: 'origin', aim: 0.5 },
  list: { path: listPath, by: 'origin', aim: 0.5 },
  search: { path: async () => '/search?q=linen', by: 'origin', aim: 0.5 },
  'edge-page': { path: productPath('/p/'), by: 'edge', aim: 0.8 },
};

export const pageBenchmarks: Record<string, (shop: BenchShop) => Promise<BenchResult>> = Object.fromEntries(
  Object.entries(pages).map(([bench, page]) => [bench, (shop) => againstBare(shop, bench, page)]),
);

async function againstBare(shop: BenchShop, bench: string, { path, by, aim }: Page): Promise<BenchResult> {
  const [base, pid] = by === 'edge' ? [shop.edgeUrl, shop.edgePid] : [shop.url, shop.originPid];
  const target = await path(shop);
  await (await fetch(base + target, { headers })).arrayBuffer();
  await using bare = await startBareServer(base + target, headers);
  const load = (url: string, at: string) => ({
    url,
    connections,
    seconds,
    steps: [{ name: 'page', path: at, headers }],
  });
  await measureLoad({ ...load(base, target), seconds: 2 }, pid);
  await measureLoad({ ...load(bare.url, '/'), seconds: 2 }, bare.pid);
  const [ours, theirs] = await alternate(
    rounds,
    () => measureLoad(load(base, target), pid),
    () => measureLoad(load(bare.url, '/'), bare.pid),
  );
  return compare({ bench, what: `GET ${target}`, by, ours, theirs, aim });
}

interface Compared {
  bench: string;
  what: string;
  by: string;
  ours: MeasuredLoad[];
  theirs: MeasuredLoad[];
  aim: number;
}

function compare({ bench, what, by, ours, theirs, aim }: Compared): BenchResult {
  const medianOf = (rounds: MeasuredLoad[], figure: 'perCpuSecond' | 'perSecond' | 'p99Ms') =>
    median(rounds.map((round) => round[figure]));
  const [ourRate, bareRate] = [medianOf(ours, 'perCpuSecond'), medianOf(theirs, 'perCpuSecond')];
  const byTheClock = medianOf(ours, 'perSecond') / medianOf(theirs, 'perSecond');
  const bytes = Math.round(ours[0]!.bytes / ours[0]!.requests);
  return {
    bench,
    measured: `${what}, requests a second of the ${by}'s processor time`,
    against: 'bare node:http with the same bytes and headers, requests a second of its processor time',
    ours: Math.round(ourRate),
    theirs: Math.round(bareRate),
    ratio: ourRate / bareRate,
    aim,
    notes: [
      `${bytes} bytes an answer, ${connections} connections, medians of ${rounds} rounds of ${seconds} s in turn`,
      `by the wall clock ${byTheClock.toFixed(2)} (${Math.round(medianOf(ours, 'perSecond'))} a second); 99 % of answers within ${medianOf(ours, 'p99Ms').toFixed(1)} ms`,
    ],
  };
}

/** A bare node:http server that writes the same bytes and headers as a page. Pages are compared with its speed. */
interface BareServer extends AsyncDisposable {
  url: string;
  pid: number;
}

/** Fetches `url` once, then starts a process that gives that answer to every request. */
async function startBareServer(url: string, headers: Record<string, string>): Promise<BareServer> {
  const response = await fetch(url, { headers });
  const raw = Buffer.from(await (await fetchRaw(url, headers)).arrayBuffer());
  const child = spawn(process.execPath, [import.meta.filename], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kept = [...response.headers].filter(
    ([name]) => !['connection', 'keep-alive', 'date', 'transfer-encoding', 'content-length'].includes(name),
  );
  child.send({ headers: kept, body: raw.toString('base64') });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}/`,
    pid: child.pid!,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** Fetches the body as it was sent. This uses node:http, because fetch would decode it. */
async function fetchRaw(url: string, headers: Record<string, string>): Promise<Response> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      resolve(new Response(Buffer.concat(chunks)));
    }).on('error', reject);
  });
}

function answerAll(message: { headers: [string, string][]; body: string }): void {
  const body = Buffer.from(message.body, 'base64');
  const headers = { ...Object.fromEntries(message.headers), 'content-length': body.length };
  const server = createServer((_request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
  });
}

if (process.argv[1] === import.meta.filename) process.once('message', answerAll);

// `stampede`: 1,000 simultaneous requests for an uncached page; counts how often the page was rendered.

const requests = 1_000;
const pagesAsked = 3;

export async function benchStampede(shop: BenchShop): Promise<BenchResult> {
  const products = await listProducts(shop.url, 100);
  const fills: number[] = [];
  const seconds: number[] = [];
  for (let round = 0; round < pagesAsked; round++) {
    // Products from the end of the list, whose pages no other benchmark requests.
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
    notes: [`median of ${pagesAsked} pages; all were answered after ${median(seconds).toFixed(2)} s`],
  };
}

/** @throws if any answer is not the page */
async function askAtOnce(url: string, path: string): Promise<void> {
  const connections = Array.from({ length: requests }, () => openConnection(url));
  try {
    // The connections are open before, so that the requests arrive together.
    await Promise.all(connections.map((one) => one.get('/livez')));
    const answers = await Promise.all(connections.map((one) => one.get(path, 'accept-encoding: br\r\n')));
    const refused = answers.filter((answer) => answer.status !== 200).length;
    if (refused > 0) throw new Error(`Cannot measure the stampede as ${refused} were refused`);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/**
 * How often the origin has read from Postgres. One waiting request fills a missing page, and each read for it is
 * counted.
 */
async function countReads(metricsUrl: string): Promise<number> {
  return Object.values(await readReads(metricsUrl)).reduce((sum, count) => sum + count, 0);
}
