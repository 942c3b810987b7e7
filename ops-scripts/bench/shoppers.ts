// Measures 500 shoppers who browse and add for a minute, and 16 who add at once.
// These are the benchmarks `shoppers` and `durable-add`. In the second, each add is committed before its reply.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { openConnection } from '../traffic/http-connection.ts';
import { listProducts, listVariants } from '../traffic/read-catalog.ts';
import { type LoadResult, runLoad, type VisitStep } from '../traffic/run-load.ts';
import { alternate, type BenchResult, measureLoad, median } from './measure.ts';
import type { BenchShop } from './shop.ts';

const shoppers = 500;
const seconds = 60;
const allowedMegabytes = 200;
/** A line holds 99 pieces and a cart 200 lines; further adds are refused. */
const variantsToAdd = 180;

/**
 * `shoppers`: 500 keep-alive shoppers browse and add for a minute; measures the origin's cost and lost adds.
 */
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

const run = promisify(execFile);
const clients = 16;
/** Lines of each cart, with a different product each. */
const lines = 10;
const roundSeconds = 5;
const rounds = 3;

/**
 * `durable-add`: cart adds committed in Postgres before the reply, 16 shoppers at once. The limit is
 * pgbench's upsert of one row on the same server.
 */
export async function benchDurableAdd(shop: BenchShop): Promise<BenchResult> {
  const steps = (await listVariants(shop.url, lines)).map(([variantId], turn) => ({
    name: 'add',
    method: 'PUT' as const,
    path: `/api/cart/lines/${variantId}`,
    body: { quantity: 1 + (turn % 9) },
    expects: '"durability":"committed"',
  }));
  const load = { url: shop.url, connections: clients, seconds: roundSeconds, steps };
  await using peer = await preparePgbench(shop.databaseUrl);
  await measureLoad({ ...load, seconds: 2 }, shop.originPid);
  const [added, theirs] = await alternate(rounds, () => measureLoad(load, shop.originPid), peer.run);
  const ours = added.map((round) => round.perSecond);
  return {
    bench: 'durable-add',
    measured: `PUT /api/cart/lines/… answered "committed", a second, ${clients} shoppers with ${lines} lines in the cart`,
    against: `pgbench, ${clients} clients, one prepared upsert of one row a transaction, on the same Postgres`,
    ours: Math.round(median(ours)),
    theirs: Math.round(median(theirs)),
    ratio: median(ours) / median(theirs),
    aim: 0.4,
    notes: [
      `medians of ${rounds} rounds of ${roundSeconds} s in turn, load generator, origin, Postgres and Redis on the same cores`,
      `99 % of adds within ${median(added.map((round) => round.p99Ms)).toFixed(1)} ms; the origin's processor time allows ${Math.round(median(added.map((round) => round.perCpuSecond)))} a second`,
    ],
  };
}

async function preparePgbench(
  databaseUrl: string,
): Promise<AsyncDisposable & { run: () => Promise<number> }> {
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-pgbench-'));
  const script = join(folder, 'upsert.sql');
  await writeFile(
    script,
    `\\set id random(1, 10000)
insert into bench_upsert (id, quantity) values (:id, 1) on conflict (id) do update set quantity = bench_upsert.quantity + 1;
`,
  );
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    'create table if not exists bench_upsert (id integer primary key, quantity integer not null)',
  );
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const args = [
    '-n',
    '-M',
    'prepared',
    '-c',
    String(clients),
    '-j',
    '2',
    '-T',
    String(roundSeconds),
    '-f',
    script,
  ];
  const env = {
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: decodeURIComponent(password),
    PATH: process.env['PATH'],
  };
  return {
    async run() {
      const { stdout } = await run('pgbench', [...args, pathname.slice(1)], { env });
      return Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
    },
    [Symbol.asyncDispose]: async () => {
      await client.query('drop table bench_upsert');
      await client.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
