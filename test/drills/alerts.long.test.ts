// A real Prometheus and Alertmanager watch a region while it is hurt. The alert of each fault fires in time and clears,
// and no other fires.
// Every query of the dashboards has data. The worker sends its own alerts without Prometheus.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type DrillRegion,
  type DrillRegionPart,
  Impossible,
  startRegion,
} from '../../ops-scripts/drills/region.ts';
import { type ShopperLoad, startLoad } from '../../ops-scripts/drills/run-fault.ts';
import { signInStaff } from '../../ops-scripts/drills/staff.ts';
import { type StripeServer, startStripeServer } from '../../ops-scripts/drills/stripe-server.ts';
import { seededRandom } from '../../ops-scripts/traffic/seeded-random.ts';
import type { Json } from '../support/shop.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';
import { burnQuicker, startWatchers, type Watchers, whyNoWatchers } from './watchers.ts';

const run = promisify(execFile);
/** The time beyond the rule's own: for the fault to show, for scrapes and evaluations, and for a busy machine. */
const slackMs = 30_000;
const clearMs = 90_000;
/** Six hours of the quicker watchers, and what they are late. */
const slowBurnMs = (6 * 3_600_000) / burnQuicker + 60_000;

let region: DrillRegion;
let watchers: Watchers;
let load: ShopperLoad;
let mails: SmtpServer;
let stripe: StripeServer;
/** Alerts that the workers posted themselves, with the real times of their rules. */
const posted: Json[] = [];
const open = new AsyncDisposableStack();

async function ops(...args: string[]): Promise<string> {
  const { databaseUrl, redisUrl } = await region.endpoints();
  const env = { ...process.env, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
  return (await run(process.execPath, ['ops-scripts/main.ts', ...args], { env })).stdout;
}

async function setPrice(): Promise<void> {
  const { items } = (await (await fetch(`${region.storefront}/api/products?limit=1`)).json()) as Json;
  const { change } = await signInStaff(region.storefront, region.staff, () => undefined);
  const body = { price: { amount: items[0].price.amount + 1, currency: 'EUR' } };
  expect(await change({ method: 'PATCH', path: `/api/staff/products/${items[0].id}`, body })).toBeDefined();
}

interface FilledCart {
  cookie: string;
  variantId: string;
}

async function fillCart(): Promise<FilledCart> {
  const list = (await (await fetch(`${region.storefront}/api/products?limit=5`)).json()) as Json;
  for (const { slug } of list.items) {
    const product = (await (await fetch(`${region.storefront}/api/products/${slug}`)).json()) as Json;
    const { id: variantId } = product.variants.find(({ available }: Json) => available > 0) ?? {};
    if (variantId === undefined) continue;
    const added = await fetch(`${region.storefront}/api/cart/lines`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ variantId, quantity: 1 }),
    });
    const cookies = added.headers.getSetCookie().map((line) => line.split(';')[0]);
    return { cookie: cookies.join('; '), variantId };
  }
  throw new Error('Nothing is in stock');
}

async function placeOrder({ cookie }: FilledCart, email: string, payment: object) {
  const shippingAddress = { name: 'A', line1: '1', city: 'Dublin', postalCode: 'D01', country: 'IE' };
  const answer = await fetch(`${region.storefront}/api/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie, 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({ email, shippingAddress, payment }),
  });
  return { status: answer.status, order: (await answer.json()) as Json };
}

/** @returns the order's number */
async function orderFor(email: string, payment: object = { provider: 'demo', outcome: 'paid' }) {
  const { status, order } = await placeOrder(await fillCart(), email, payment);
  expect(status).toBe(201);
  return order.number as string;
}

async function query(text: string): Promise<Json[]> {
  const { databaseUrl } = await region.endpoints();
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Leaves a session open in a transaction. It asks now and then, because a balancer cuts silent connections. */
async function lockCarts(): Promise<void> {
  const { databaseUrl } = await region.endpoints();
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'forgotten session' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin; lock table carts in exclusive mode');
  const asking = setInterval(() => client.query('select 1').catch(() => clearInterval(asking)), 5_000);
  open.defer(() => clearInterval(asking));
}

/** Does what the runbook says. */
const endWhoLocks = () =>
  expect
    .poll(
      () =>
        query(`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction'
            and xact_start < now() - interval '10 seconds'`),
      { timeout: 10_000, interval: 100 },
    )
    .toHaveLength(1);

const told = (state: 'firing' | 'resolved') =>
  watchers.told.filter((one) => one.state === state).map(({ alert }) => alert);

interface Trouble {
  alert: string;
  page: string;
  hurt: () => Promise<unknown>;
  mend: () => Promise<unknown>;
  needs?: 'small disks';
  /** Alerts of the same fault, each within its own time. */
  also?: string[];
  /** Alerts that may also fire as a consequence. */
  follows?: string[];
}

/** The order whose payment is unclear. */
let unclear = '';

/** A region rebuilds a lost follower within seconds, but not on a full disk. */
let lost: DrillRegionPart | undefined;
async function loseForLong(kind: string): Promise<void> {
  await region.refresh();
  lost = region.ofKind(kind);
  await region.disks!.fill(lost);
  region.signal(lost, 'SIGKILL');
}

async function makeRoom(): Promise<void> {
  await region.disks!.free(lost!);
  await region.rebuilt();
}

const troubles: Trouble[] = [
  {
    alert: 'PurgesUnconfirmed',
    page: 'an-edge-does-not-confirm-purges',
    async hurt() {
      await region.stop({ name: 'edge-1' });
      await setPrice();
    },
    mend: () => region.start({ name: 'edge-1' }),
  },
  {
    alert: 'NoWorker',
    page: 'no-worker-runs',
    hurt: () => Promise.all(['worker-a1', 'worker-b1'].map((name) => region.stop({ name }))),
    mend: () => Promise.all(['worker-a1', 'worker-b1'].map((name) => region.start({ name }))),
  },
  {
    alert: 'KindPaused',
    page: 'a-kind-of-job-is-paused',
    hurt: () => ops('jobs', 'pause', 'expire-hold'),
    mend: () => ops('jobs', 'resume', 'expire-hold'),
  },
  {
    alert: 'StandbyOutOfSync',
    page: 'the-standby-is-out-of-sync',
    hurt: () => loseForLong('postgres-standby'),
    mend: makeRoom,
    needs: 'small disks',
    // The replica streams from the standby.
    follows: ['ReplicaBehind'],
  },
  {
    alert: 'StoreDown',
    page: 'a-store-is-down',
    hurt: () => loseForLong('postgres-replica'),
    mend: makeRoom,
    needs: 'small disks',
    follows: ['ReplicaBehind'],
  },
  {
    alert: 'DeadLetters',
    page: 'jobs-were-given-up',
    hurt: () => orderFor('refused@poison.example'),
    async mend() {
      // The workers' own rule waits for a whole minute.
      await expect
        .poll(() => posted.map(({ key, state }) => `${key} ${state}`), { timeout: 120_000 })
        .toEqual(['DeadLetters firing']);
      await ops('jobs', 'drop', '--state', 'dead', '--yes');
    },
  },
  {
    alert: 'PaymentsUnclear',
    page: 'money-is-unclear-or-came-late',
    async hurt() {
      stripe.isAway = true;
      unclear = await orderFor('unclear@shop.example', { provider: 'stripe' });
    },
    async mend() {
      stripe.isAway = false;
      await ops('jobs', 'retry', '--about', unclear, '--kind', 'settle-payment', '--yes');
    },
  },
  {
    alert: 'JournalNotDrained',
    page: 'carts-wait-in-the-journal',
    also: ['OperationsHeld'],
    hurt: lockCarts,
    mend: endWhoLocks,
    // Each write waits a second and a half for Postgres before the journal acknowledges it.
    follows: ['RequestsSlow'],
  },
];

/** A share of requests that goes wrong. It stays the same on a busy machine, as each request waits for the last. */
interface Burning {
  alert: string;
  page: string;
  /** Run by hand in Postgres, on a table that one route needs. */
  trigger: string;
  bad: (cart: FilledCart) => Promise<unknown>;
  /** Good requests for each bad one. */
  good: number;
  follows: string[];
}

const refuseOrders = `
  create function mishap() returns trigger language plpgsql as $$ begin raise 'a trigger made by hand'; end $$;
  create trigger mishap before insert on orders for each row execute function mishap()`;
const slowCarts = `
  create function mishap() returns trigger language plpgsql as $$ begin perform pg_sleep(0.7); return null; end $$;
  create trigger mishap after update on carts for each row execute function mishap()`;

/** Is answered 201 where it comes after the mend. */
async function failToOrder(cart: FilledCart): Promise<void> {
  const payment = { provider: 'demo', outcome: 'paid' };
  expect([500, 201]).toContain((await placeOrder(cart, 'nobody@shop.example', payment)).status);
}

async function setQuantity({ cookie, variantId }: FilledCart): Promise<void> {
  const answer = await fetch(`${region.storefront}/api/cart/lines/${variantId}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify({ quantity: 1 + Math.floor(Math.random() * 9) }),
  });
  await answer.arrayBuffer();
  expect(answer.status).toBe(200);
}

const burnings: Burning[] = [
  {
    // One in a hundred: six times what the objective allows, and less than fourteen times.
    alert: 'ErrorsBurnSlowly',
    page: 'requests-fail',
    trigger: refuseOrders,
    bad: failToOrder,
    good: 99,
    follows: [],
  },
  {
    alert: 'ErrorsBurnFast',
    page: 'requests-fail',
    trigger: refuseOrders,
    bad: failToOrder,
    good: 4,
    // What burns fast burns slowly as well.
    follows: ['ErrorsBurnSlowly'],
  },
  {
    alert: 'RequestsSlow',
    page: 'requests-are-slow',
    trigger: slowCarts,
    bad: setQuantity,
    good: 1,
    follows: [],
  },
];

async function browse(): Promise<void> {
  const answer = await fetch(`${region.storefront}/api/products?limit=1`);
  await answer.arrayBuffer();
  await delay(25);
}

describe.skipIf(whyNoWatchers() !== undefined)(`Prometheus and Alertmanager${whyNoWatchers() ?? ''}`, () => {
  beforeAll(async () => {
    mails = open.use(await startSmtpServer());
    mails.react = (stage, to) =>
      stage === 'RCPT' && to.some((address) => address.includes('poison'))
        ? { say: '550 no such user' }
        : undefined;
    const webhook = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => (body += String(part)));
      request.on('end', () => {
        posted.push(JSON.parse(body));
        response.end();
      });
    }).listen(0, '127.0.0.1');
    open.defer(() => void webhook.close());
    await once(webhook, 'listening');
    const { port } = webhook.address() as AddressInfo;
    stripe = open.use(await startStripeServer());
    const env = {
      ...process.env,
      SMTP_URL: mails.url,
      ALERT_WEBHOOK_URL: `http://127.0.0.1:${port}/`,
      PAYMENT_PROVIDERS: 'demo,stripe',
      ...stripe.settings,
    };
    region = open.use(
      await startRegion(env, { state: 'server', smallDisks: true }).catch((error) => {
        if (!(error instanceof Impossible)) throw error;
        return startRegion(env, { state: 'server' });
      }),
    );
    await region.rebuilt();
    watchers = open.use(await startWatchers(region));
    load = await startLoad({ url: region.storefront, shoppers: 3, random: seededRandom(1), thinkMs: 400 });
    await load.warm();
  }, 400_000);
  afterAll(async () => {
    await load?.stop();
    await open.disposeAsync();
  });

  test('Nothing fires while people shop and all is well', { timeout: 120_000 }, async () => {
    await orderFor('well@shop.example');
    await setPrice();
    await delay(20_000);
    expect(watchers.told).toEqual([]);
  });

  test('Every query of the dashboards returns data', { timeout: 120_000 }, async () => {
    const empty = async () => {
      await fetch(`${region.edge}/`);
      await setPrice();
      await orderFor('again@shop.example');
      const found: string[] = [];
      for (const name of ['shop', 'jobs', 'stores', 'edge']) {
        const { panels } = JSON.parse(readFileSync(`ops-scripts/dashboards/${name}.json`, 'utf8')) as Json;
        for (const { title, targets } of panels)
          for (const { expr } of targets) {
            const series = await watchers.query(expr.replaceAll('$__rate_interval', '1m'));
            if (!series.some(({ value }) => Number.isFinite(value))) found.push(`${name}: ${title}: ${expr}`);
          }
      }
      return found;
    };
    await expect.poll(empty, { timeout: 60_000, interval: 2_000 }).toEqual([]);
  });

  test.for(troubles)(
    '$alert fires within its time, alone, and clears',
    { timeout: 400_000 },
    async (trouble, { skip }) => {
      if (trouble.needs !== undefined && region.disks === undefined) skip('this machine has no small disks');
      const { alert, page, hurt, mend, also = [], follows = [] } = trouble;
      watchers.told.length = 0;
      const hurtAtMs = performance.now();
      await hurt();
      for (const expected of [alert, ...also]) await awaitAlert(expected, page, hurtAtMs);
      await mend();
      for (const expected of [alert, ...also])
        await expect.poll(() => told('resolved'), { timeout: clearMs, interval: 200 }).toContain(expected);
      expect(othersThan([alert, ...also, ...follows])).toEqual([]);
    },
  );

  test('The workers report the dead letter once, and its end once', { timeout: 90_000 }, async () => {
    await expect
      .poll(() => posted.map(({ key, state }) => `${key} ${state}`), { timeout: 60_000 })
      .toEqual(['DeadLetters firing', 'DeadLetters resolved']);
  });

  describe(`Burn rates, whose hours are ${burnQuicker} times as short`, () => {
    beforeAll(async () => {
      await load.stop();
      watchers = open.use(await startWatchers(region, 'burn rates'));
    }, 120_000);

    test.for(burnings)(
      '$alert fires within its time, alone, and clears',
      { timeout: 900_000 },
      async ({ alert, page, trigger, bad, good, follows }) => {
        const cart = await fillCart();
        watchers.told.length = 0;
        let goesWrong = false;
        const stopping = new AbortController();
        const asking = (async () => {
          while (!stopping.signal.aborted) {
            if (goesWrong) await bad(cart);
            for (let at = 0; at < good && !stopping.signal.aborted; at++) await browse();
          }
        })();
        asking.catch(() => undefined);
        try {
          await delay(10_000);
          expect(watchers.told).toEqual([]);
          const hurtAtMs = performance.now();
          await query(trigger);
          goesWrong = true;
          await Promise.race([awaitAlert(alert, page, hurtAtMs), asking]);
          goesWrong = false;
          await query('drop function mishap cascade');
          await expect
            .poll(() => told('resolved'), { timeout: clearMs + 60_000, interval: 200 })
            .toContain(alert);
          expect(othersThan([alert, ...follows])).toEqual([]);
          // The next fault begins when nothing of this one is told any more; a slow burn looks back six of these hours.
          for (const one of follows.filter((name) => told('firing').includes(name)))
            await expect.poll(() => told('resolved'), { timeout: slowBurnMs, interval: 200 }).toContain(one);
        } finally {
          stopping.abort();
          await asking;
        }
      },
    );
  });
});

async function awaitAlert(alert: string, page: string, hurtAtMs: number): Promise<void> {
  const withinMs = watchers.firesAfterSeconds(alert) * 1_000 + slackMs;
  const leftMs = withinMs - (performance.now() - hurtAtMs);
  await expect.poll(() => told('firing'), { timeout: leftMs, interval: 200 }).toContain(alert);
  const first = watchers.told.find((one) => one.alert === alert);
  console.log(`${alert}: told ${((first!.atMs - hurtAtMs) / 1_000).toFixed(1)} s after the fault`);
  expect(first!.annotations).toMatchObject({ runbook: `docs/runbook.md#${page}` });
}

const othersThan = (expected: string[]) => told('firing').filter((one) => !expected.includes(one));
