// `durable-add`: adds to the cart that are committed in Postgres when they are answered, 16 shoppers at once, against pgbench's upsert
// of one row on the same server.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { alternate, median } from './measure.ts';
import type { BenchResult } from './result.ts';
import type { BenchShop } from './shop.ts';

const run = promisify(execFile);
const clients = 16;
const seconds = 5;
const rounds = 3;

export async function benchDurableAdd(shop: BenchShop): Promise<BenchResult> {
  const variants = await someVariants(shop);
  const shoppers = await Promise.all(Array.from({ length: clients }, () => enter(shop, variants)));
  await using peer = await preparePgbench(shop.databaseUrl);
  await addFor(shoppers, 1);
  const [ours, theirs] = await alternate(rounds, () => addFor(shoppers, seconds), peer.run);
  return {
    bench: 'durable-add',
    measured: `POST /api/cart/lines answered "committed", a second, ${clients} shoppers`,
    against: `pgbench, ${clients} clients, one prepared upsert of one row a transaction, on the same Postgres`,
    ours: Math.round(median(ours)),
    theirs: Math.round(median(theirs)),
    ratio: median(ours) / median(theirs),
    aim: 0.4,
    notes: [`${rounds} rounds of ${seconds} s in turn, all processes on the same cores`],
  };
}

type Shopper = () => Promise<void>;

/** A browser in small: keeps its cookie, adds one piece a call. */
async function enter(shop: BenchShop, variants: string[]): Promise<Shopper> {
  let cookie = '';
  let turn = Math.floor(Math.random() * variants.length);
  return async () => {
    turn = (turn + 1) % variants.length;
    const answer = await fetch(`${shop.url}/api/cart/lines/${variants[turn]}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(), cookie },
      body: JSON.stringify({ quantity: 1 + (turn % 9) }),
    });
    const set = answer.headers.getSetCookie().find((line) => line.startsWith('__Host-cart'));
    if (set !== undefined) cookie = set.slice(0, set.indexOf(';'));
    const cart = (await answer.json()) as { durability?: string };
    if (!answer.ok || cart.durability !== 'committed') {
      throw new Error(
        `Cannot measure durable adds as one was answered ${answer.status} ${cart.durability ?? ''}`,
      );
    }
  };
}

/** @returns adds a second, all shoppers together. */
async function addFor(shoppers: Shopper[], forSeconds: number): Promise<number> {
  const began = performance.now();
  const until = began + forSeconds * 1_000;
  let adds = 0;
  await Promise.all(
    shoppers.map(async (add) => {
      while (performance.now() < until) {
        await add();
        adds += 1;
      }
    }),
  );
  return adds / ((performance.now() - began) / 1_000);
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
    String(seconds),
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

async function someVariants(shop: BenchShop): Promise<string[]> {
  const list = (await (await fetch(`${shop.url}/api/products?limit=10`)).json()) as {
    items: { slug: string }[];
  };
  const products = await Promise.all(
    list.items.map(
      async ({ slug }) => (await fetch(`${shop.url}/api/products/${slug}`)).json() as Promise<Product>,
    ),
  );
  return products
    .flatMap((product) => product.variants.filter((variant) => variant.available > 0))
    .map(({ id }) => id);
}

interface Product {
  variants: { id: string; available: number }[];
}
