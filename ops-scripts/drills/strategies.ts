// Drill: compares the three cart states by bytes of cookies, time of a write, and carts lost with their origins.
import { randomUUID } from 'node:crypto';
import { CookieJar } from '../traffic/http-connection.ts';
import { readVariants } from '../traffic/read-catalog.ts';
import { addUpResults, type DrillContext, type DrillResult, type Fault } from './drill.ts';
import { originFaults } from './faults/origins.ts';
import { conclude, shopThrough } from './run-fault.ts';

const deploy: Fault = {
  summary: 'every origin is replaced, one after another',
  loses: (state) => state === 'sticky',
  async inflict({ region, mark }) {
    for (const origin of region.origins()) {
      mark(`replace ${origin.name}`);
      await region.replace(origin);
      await region.healed();
    }
  },
};

const faults: Record<string, Fault> = {
  'killing one of three origins': originFaults['kill-origin']!,
  'telling one of three to stop': originFaults['scale-in']!,
  'replacing all three': deploy,
};

export async function compareStrategies(context: DrillContext): Promise<DrillResult> {
  const { region } = context;
  const notes = [await measureWrites(region.storefront, context.short ? 40 : 200)];
  const results: DrillResult[] = [];
  for (const [what, fault] of Object.entries(faults)) {
    const random = context.random.fork(what);
    const run = await shopThrough(fault, { ...context, random });
    results.push(conclude('strategies', fault, context, run));
    notes.push(`${what} lost pieces of ${run.tally.cartsLost} of ${run.tally.carts} carts`);
    await region.refresh();
  }
  return {
    ...results[0]!,
    ...addUpResults('strategies', context, results, notes),
    picture: results.map(({ picture }) => picture).join('\n'),
  };
}

const linesOfCart = 20;

/** A single shopper fills a cart with twenty lines, then adds so many more pieces through the balancer, one by one. */
async function measureWrites(url: string, times: number): Promise<string> {
  const variants = (await readVariants(url, 20)).slice(0, linesOfCart).map(({ id }) => id);
  const jar = new CookieJar();
  const add = async (variantId: string) => {
    const sent = jar.header.length;
    const began = performance.now();
    const response = await fetch(`${url}/api/cart/lines`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID(), cookie: jar.header },
      body: JSON.stringify({ variantId, quantity: 1 }),
      signal: AbortSignal.timeout(10_000),
    });
    await response.arrayBuffer();
    const tookMs = performance.now() - began;
    if (!response.ok) throw new Error(`Cannot measure as an add was answered ${response.status}`);
    const received = response.headers.getSetCookie().reduce((bytes, cookie) => bytes + cookie.length, 0);
    jar.keep(response);
    return { sent, received, tookMs };
  };
  for (const variantId of variants) await add(variantId);
  const measured: Awaited<ReturnType<typeof add>>[] = [];
  for (let time = 0; time < times; time++) measured.push(await add(variants[time % variants.length]!));
  // The longest cookie counts, because a cookie may stay as it was while Postgres is away.
  const most = (pick: (one: (typeof measured)[number]) => number) => Math.max(...measured.map(pick));
  const medianMs = measured.map(({ tookMs }) => tookMs).sort((a, b) => a - b)[measured.length >> 1]!;
  return (
    `a cart of ${variants.length} lines: ${most(({ sent }) => sent)} bytes of cookies sent with a write, ` +
    `${most(({ received }) => received)} set by its answer, answered in ${medianMs.toFixed(1)} ms (median, alone)`
  );
}
