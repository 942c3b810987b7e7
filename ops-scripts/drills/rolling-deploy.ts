// Three origins are replaced one by one while shoppers browse and add without ever trying again: not one request may fail.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from './cookie-jar.ts';
import type { DrillContext, DrillResult, Mark } from './drill.ts';
import type { Attempt } from './ledger.ts';
import { drawTimeline, longestGapSeconds } from './timeline.ts';
import { readVariants } from './variants.ts';

const settleMs = 1_500;

export async function rollingDeploy({ region, state, seed, short }: DrillContext): Promise<DrillResult> {
  const began = performance.now();
  const attempts: Attempt[] = [];
  const failures: string[] = [];
  const marks: Mark[] = [];
  const stopping = new AbortController();
  const variants = (await readVariants(region.storefront, 12)).map(({ id }) => id);
  const shoppers = Array.from({ length: short ? 12 : 24 }, () =>
    shopOnce(region.storefront, variants, stopping.signal, (path, status) => {
      attempts.push({ atMs: performance.now() - began, status });
      if (status === 0 || status >= 400) failures.push(`${path}: ${status || 'no answer'}`);
    }),
  );
  await delay(settleMs);
  for (const origin of region.origins()) {
    region.signal(origin, 'SIGTERM');
    marks.push({ atMs: performance.now() - began, label: `replace ${origin.name}` });
    await replaced(origin.url);
    await region.healed();
    await delay(settleMs);
  }
  stopping.abort();
  await Promise.all(shoppers);
  return {
    drill: 'rolling-deploy',
    state,
    seed,
    acknowledged: attempts.length - failures.length,
    lost: 0,
    duplicated: 0,
    errors: failures.length,
    unavailableSeconds: Math.round(longestGapSeconds(attempts) * 100) / 100,
    recoverySeconds: 0,
    verdict: failures.length === 0 ? 'pass' : 'fail',
    notes: [
      `${failures.length} failed of ${attempts.length} requests, none tried again`,
      ...failures.slice(0, 3),
    ],
    picture: drawTimeline(attempts, marks),
    history: failures.slice(0, 50),
  };
}

async function shopOnce(
  url: string,
  variants: string[],
  signal: AbortSignal,
  tell: (path: string, status: number) => void,
): Promise<void> {
  const jar = new CookieJar();
  for (let turn = 0; !signal.aborted; turn++) {
    const adds = turn % 3 === 0;
    const path = adds ? '/api/cart/lines' : turn % 3 === 1 ? '/' : '/api/cart';
    const variantId = variants[turn % variants.length];
    const status = await fetch(url + path, {
      method: adds ? 'POST' : 'GET',
      headers: {
        cookie: jar.header,
        ...(adds ? { 'content-type': 'application/json', 'idempotency-key': randomUUID() } : {}),
      },
      ...(adds ? { body: JSON.stringify({ variantId, quantity: 1 }) } : {}),
      signal: AbortSignal.timeout(10_000),
    }).then(
      async (response) => {
        jar.keep(response);
        await response.arrayBuffer();
        // A line that is full at 99 pieces is an answer, not a failure of the deploy.
        return response.status === 422 ? 200 : response.status;
      },
      () => 0,
    );
    tell(path, status);
  }
}

/** The old process has left its address. */
async function replaced(url: string): Promise<void> {
  const until = performance.now() + 20_000;
  const isReady = () =>
    fetch(`${url}/readyz`, { signal: AbortSignal.timeout(500) }).then(
      (response) => response.ok,
      () => false,
    );
  while ((await isReady()) && performance.now() < until) await delay(50);
}
