// `durable-add`: cart adds committed in Postgres before the reply, 16 shoppers at once.
// The limit is pgbench's upsert of one row on the same server.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { listVariants } from '../traffic/read-catalog.ts';
import { alternate, type BenchResult, measureLoad, median } from './measure.ts';
import type { BenchShop } from './shop.ts';

const run = promisify(execFile);
const clients = 16;
/** Lines of each cart, with a different product each. */
const lines = 10;
const seconds = 5;
const rounds = 3;

export async function benchDurableAdd(shop: BenchShop): Promise<BenchResult> {
  const steps = (await listVariants(shop.url, lines)).map(([variantId], turn) => ({
    name: 'add',
    method: 'PUT' as const,
    path: `/api/cart/lines/${variantId}`,
    body: { quantity: 1 + (turn % 9) },
    expects: '"durability":"committed"',
  }));
  const load = { url: shop.url, connections: clients, seconds, steps };
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
      `medians of ${rounds} rounds of ${seconds} s in turn, load generator, origin, Postgres and Redis on the same cores`,
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
