// `change-to-done` and `purge`: milliseconds until a change is everywhere, and until an edge confirms 10,000 tags.

import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type DrillRegion, startRegion } from '../drills/region.ts';
import { type ListedProduct, listProducts } from '../traffic/read-catalog.ts';
import { type BenchResult, median } from './measure.ts';
import type { BenchShop } from './shop.ts';

const quietChanges = 200;
const perSecond = 100;
const seconds = 20;
const priceChangeAllowedMs = { quiet: 100, busy: 1_000 };
/** The longest wait until the last changes are done. */
const patienceMs = 30_000;

/**
 * `change-to-done`: milliseconds from a price change's commit until no origin and no edge serves the old price, on a
 * region. First one change after another, then 100 a second at fixed times, so that slow answers do not slow the load.
 */
export async function benchChangeToDone(): Promise<BenchResult[]> {
  await using region = await startRegion(process.env, { state: 'server' });
  await region.rebuilt();
  const shop = await signIn(region);
  const products = await listProducts(region.storefront, 100);
  // The first changes also open connections and run code for the first time, so they do not count.
  await changeInTurn(shop, products, 20, 1_000);
  const quiet = await changeInTurn(shop, products, quietChanges, 2_000);
  const busy = await changeOnSchedule(shop, products);
  return [
    {
      ...describe(quiet, priceChangeAllowedMs.quiet),
      bench: 'change-to-done quiet',
      measured: `ms from commit to done, the 99th of 100, ${quietChanges} prices changed one after another; three origins and an edge`,
      against: 'the time allowed in ms; half of it is waited on purpose, until no memory is trusted any more',
    },
    {
      ...describe(busy.took, priceChangeAllowedMs.busy),
      bench: 'change-to-done busy',
      measured: `ms from commit to done, the 99th of 100, ${perSecond} prices a second for ${seconds} s; three origins and an edge`,
      against: 'the time allowed in ms',
      notes: [
        summarize(busy.took),
        `from the time at which each was to begin: ${summarize(busy.sinceOffered)}`,
        `${busy.refused} refused`,
      ],
    },
  ];
}

function describe(took: number[], limitMs: number) {
  const p99 = percentile(took, 99);
  const ratio = p99 / limitMs;
  return { ours: p99, theirs: limitMs, ratio, aim: 1, lessIsBetter: true as const, notes: [summarize(took)] };
}

function summarize(took: number[]): string {
  return `${took.length} changes, the median ${percentile(took, 50)} ms, p99 ${percentile(took, 99)}, the longest ${Math.max(...took)}`;
}

function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
}

interface Shop {
  url: string;
  cookie: string;
}

async function signIn({ storefront, staff }: DrillRegion): Promise<Shop> {
  const answer = await fetch(`${storefront}/api/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(staff),
  });
  if (!answer.ok) throw new Error(`Cannot measure changes as staff could not sign in: ${answer.status}`);
  const cookies = answer.headers.getSetCookie().map((line) => line.slice(0, line.indexOf(';')));
  return { url: storefront, cookie: cookies.join('; ') };
}

interface Invalidation {
  id: string;
  committedAt: string;
  doneAt?: string;
}

/** @returns milliseconds from commit to done, by the shop's own record */
async function changeInTurn(
  shop: Shop,
  products: ListedProduct[],
  changes: number,
  fromAmount: number,
): Promise<number[]> {
  const took: number[] = [];
  for (let change = 0; change < changes; change++) {
    const begun = await changePrice(shop, products[change % products.length]!.id, fromAmount + change, 5);
    took.push(msToDone(begun));
  }
  return took;
}

async function changeOnSchedule(shop: Shop, products: ListedProduct[]) {
  const startedAt = Date.now();
  const begun: Promise<{ invalidation: Invalidation | undefined; offeredAt: number }>[] = [];
  for (let change = 0; change < perSecond * seconds; change++) {
    const offeredAt = startedAt + (change * 1_000) / perSecond;
    await delay(Math.max(0, offeredAt - Date.now()));
    const amount = 5_000 + change;
    const made = changePrice(shop, products[change % products.length]!.id, amount, 0);
    begun.push(
      made.then(
        (invalidation) => ({ invalidation, offeredAt }),
        () => ({ invalidation: undefined, offeredAt }),
      ),
    );
  }
  const took: number[] = [];
  const sinceOffered: number[] = [];
  let refused = 0;
  for (const { invalidation, offeredAt } of await Promise.all(begun)) {
    if (invalidation === undefined) {
      refused++;
      continue;
    }
    const done = await untilDone(shop, invalidation);
    took.push(msToDone(done));
    sinceOffered.push(Math.round(Date.parse(done.doneAt!) - offeredAt));
  }
  if (took.length === 0) throw new Error('Cannot measure changes as all were refused');
  return { took, sinceOffered, refused };
}

/** @param amount must differ from the present price, because a change without effect is done at once */
async function changePrice(
  { url, cookie }: Shop,
  id: string,
  amount: number,
  waitSeconds: number,
): Promise<Invalidation> {
  const answer = await fetch(`${url}/api/staff/products/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', prefer: `wait=${waitSeconds}`, cookie },
    body: JSON.stringify({ price: { amount, currency: 'EUR' } }),
  });
  if (!answer.ok) throw new Error(`Cannot measure changes as one was refused (${answer.status})`);
  return ((await answer.json()) as { invalidation: Invalidation }).invalidation;
}

async function untilDone({ url, cookie }: Shop, invalidation: Invalidation): Promise<Invalidation> {
  const until = performance.now() + patienceMs;
  let seen = invalidation;
  while (seen.doneAt === undefined) {
    if (performance.now() > until) throw new Error('Cannot measure changes as one was not done');
    const answer = await fetch(`${url}/api/staff/invalidations/${seen.id}`, { headers: { cookie } });
    if (!answer.ok)
      throw new Error(`Cannot measure changes as one could not be looked up (${answer.status})`);
    seen = (await answer.json()) as Invalidation;
    if (seen.doneAt === undefined) await delay(100);
  }
  return seen;
}

function msToDone({ committedAt, doneAt }: Invalidation): number {
  if (doneAt === undefined) throw new Error('Cannot measure changes as one was not done within 5 s');
  return Date.parse(doneAt) - Date.parse(committedAt);
}

const tags = 10_000;
const rounds = 20;
const purgeAllowedMs = 50;

/**
 * `purge`: milliseconds from sending one signed purge of 10,000 tags to an edge until it confirms the raised floors.
 */
export async function benchPurge(shop: BenchShop): Promise<BenchResult> {
  const took: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const raised = Object.fromEntries(Array.from({ length: tags }, (_, n) => [`bench-purge:${n}`, round]));
    const body = JSON.stringify({ tags: raised });
    const headers = { 'content-type': 'application/json', 'purge-signature': sign(shop.edgePurgeKey, body) };
    const began = performance.now();
    const answer = await fetch(`${shop.edgeUrl}/.edge/purge`, { method: 'POST', headers, body });
    const said = (await answer.json()) as { raised?: number };
    took.push(performance.now() - began);
    if (said.raised !== tags) throw new Error(`Cannot measure purges as one was answered ${answer.status}`);
  }
  return {
    bench: 'purge',
    measured: `ms for a purge of ${tags.toLocaleString('en')} tags over HTTP, median of ${rounds}`,
    against: 'the time allowed in ms',
    ours: Math.round(median(took) * 10) / 10,
    theirs: purgeAllowedMs,
    ratio: median(took) / purgeAllowedMs,
    aim: 1,
    lessIsBetter: true,
    notes: [`the slowest took ${Math.max(...took).toFixed(1)} ms`],
  };
}

function sign(key: string, body: string): string {
  const t = Date.now();
  return `t=${t},v1=${createHmac('sha256', key).update(`${t}.${body}`).digest('hex')}`;
}
