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
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type DrillRegion,
  type DrillRegionPart,
  Impossible,
  startRegion,
} from '../../ops-scripts/drills/region.ts';
import { type ShopperLoad, startLoad } from '../../ops-scripts/drills/run-fault.ts';
import { signInStaff } from '../../ops-scripts/drills/staff.ts';
import { seededRandom } from '../../ops-scripts/traffic/seeded-random.ts';
import type { Json } from '../support/shop.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';
import { startWatchers, type Watchers, whyNoWatchers } from './watchers.ts';

const run = promisify(execFile);
/** The time beyond the rule's own: for the fault to show, for scrapes and evaluations, and for a busy machine. */
const slackMs = 30_000;
const clearMs = 90_000;

let region: DrillRegion;
let watchers: Watchers;
let load: ShopperLoad;
let mails: SmtpServer;
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

async function orderFor(email: string): Promise<void> {
  const variant = (await (await fetch(`${region.storefront}/api/products?limit=5`)).json()) as Json;
  for (const { slug } of variant.items) {
    const product = (await (await fetch(`${region.storefront}/api/products/${slug}`)).json()) as Json;
    const { id: variantId } = product.variants.find(({ available }: Json) => available > 0) ?? {};
    if (variantId === undefined) continue;
    const headers = { 'content-type': 'application/json' };
    const added = await fetch(`${region.storefront}/api/cart/lines`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ variantId, quantity: 1 }),
    });
    const cookie = added.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    const shippingAddress = { name: 'A', line1: '1', city: 'Dublin', postalCode: 'D01', country: 'IE' };
    const order = await fetch(`${region.storefront}/api/orders`, {
      method: 'POST',
      headers: { ...headers, cookie, 'idempotency-key': crypto.randomUUID() },
      body: JSON.stringify({ email, shippingAddress, payment: { provider: 'demo', outcome: 'paid' } }),
    });
    expect(order.status).toBe(201);
    return;
  }
}

const told = (state: 'firing' | 'resolved') =>
  watchers.told.filter((one) => one.state === state).map(({ alert }) => alert);

interface Trouble {
  alert: string;
  page: string;
  hurt: () => Promise<unknown>;
  mend: () => Promise<unknown>;
  needs?: 'small disks';
  /** Alerts that may also fire as a consequence. */
  follows?: string[];
}

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
];

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
    const env = { ...process.env, SMTP_URL: mails.url, ALERT_WEBHOOK_URL: `http://127.0.0.1:${port}/` };
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
      const { alert, page, hurt, mend, follows = [] } = trouble;
      watchers.told.length = 0;
      const hurtAtMs = performance.now();
      await hurt();
      const withinMs = watchers.firesAfterSeconds(alert) * 1_000 + slackMs;
      await expect.poll(() => told('firing'), { timeout: withinMs, interval: 200 }).toContain(alert);
      const first = watchers.told.find((one) => one.alert === alert);
      console.log(`${alert}: told ${((first!.atMs - hurtAtMs) / 1_000).toFixed(1)} s after the fault`);
      expect(first!.annotations).toMatchObject({ runbook: `docs/runbook.md#${page}` });
      await mend();
      await expect.poll(() => told('resolved'), { timeout: clearMs, interval: 200 }).toContain(alert);
      const others = told('firing').filter((one) => one !== alert && !follows.includes(one));
      expect(others).toEqual([]);
    },
  );

  test('The workers report the dead letter once, and its end once', { timeout: 90_000 }, async () => {
    await expect
      .poll(() => posted.map(({ key, state }) => `${key} ${state}`), { timeout: 60_000 })
      .toEqual(['DeadLetters firing', 'DeadLetters resolved']);
  });
});
