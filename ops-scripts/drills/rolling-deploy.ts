// Three origins are replaced one by one while shoppers browse and add without ever trying again: not one request may fail, no piece be lost.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from './cookie-jar.ts';
import type { DrillContext, DrillResult } from './drill.ts';
import { Timeline } from './timeline.ts';
import { readVariants } from './variants.ts';

const settleMs = 1_500;
const requestsAtLeast = { short: 500, full: 5_000 };

export async function rollingDeploy({
  region,
  state,
  seed,
  short,
  size,
}: DrillContext): Promise<DrillResult> {
  const began = performance.now();
  const timeline = new Timeline(() => performance.now() - began);
  const failures: string[] = [];
  let requests = 0;
  const stopping = new AbortController();
  const variants = (await readVariants(region.storefront, 12)).map(({ id }) => id);
  const tell = (path: string, status: number, servedBy: string) => {
    requests += 1;
    timeline.tell(status);
    if (status === 0 || status >= 400) failures.push(`${path}: ${status || 'no answer'} ${servedBy}`.trim());
  };
  timeline.begin();
  const shoppers = Array.from({ length: size.shoppers ?? (short ? 12 : 24) }, () =>
    shopOnce(region.storefront, variants, stopping.signal, tell),
  );
  await delay(settleMs);
  for (const origin of region.origins()) {
    timeline.mark(`replace ${origin.name}`);
    await region.replace(origin, {});
    await region.healed();
    await delay(settleMs);
  }
  const enough = short ? requestsAtLeast.short : requestsAtLeast.full;
  const until = began + (size.seconds ?? 0) * 1_000;
  while (requests < enough || performance.now() < until) await delay(100);
  stopping.abort();
  const { lost, duplicated } = judge(await Promise.all(shoppers));
  const expectLoss = state === 'sticky';
  const asExpected = expectLoss ? lost > 0 : lost === 0 && duplicated === 0;
  return {
    drill: 'rolling-deploy',
    state,
    seed,
    acknowledged: requests - failures.length,
    lost,
    duplicated,
    errors: failures.length,
    unavailableSeconds: Math.round(timeline.longestGapSeconds * 100) / 100,
    recoverySeconds: Math.round(timeline.recoverySeconds * 100) / 100,
    verdict: asExpected && failures.length === 0 ? 'pass' : 'fail',
    ...(expectLoss ? { expectLoss } : {}),
    notes: [`${failures.length} failed of ${requests} requests, none tried again`, ...failures.slice(0, 3)],
    picture: timeline.draw(),
    history: failures.slice(0, 50),
  };
}

interface Filled {
  /** Pieces that the shop has acknowledged. */
  added: number;
  /** Pieces in the cart afterwards. */
  held: number;
}

function judge(carts: Filled[]): { lost: number; duplicated: number } {
  return {
    lost: carts.reduce((sum, { added, held }) => sum + Math.max(0, added - held), 0),
    duplicated: carts.reduce((sum, { added, held }) => sum + Math.max(0, held - added), 0),
  };
}

async function shopOnce(
  url: string,
  variants: string[],
  signal: AbortSignal,
  tell: (path: string, status: number, servedBy: string) => void,
): Promise<Filled> {
  const jar = new CookieJar();
  let added = 0;
  for (let turn = 0; !signal.aborted; turn++) {
    const adds = turn % 3 === 0;
    const path = adds ? '/api/cart/lines' : turn % 3 === 1 ? '/' : '/api/cart';
    const variantId = variants[turn % variants.length];
    const request = {
      method: adds ? 'POST' : 'GET',
      headers: {
        cookie: jar.header,
        ...(adds ? { 'content-type': 'application/json', 'idempotency-key': randomUUID() } : {}),
      },
      ...(adds ? { body: JSON.stringify({ variantId, quantity: 1 }) } : {}),
    };
    const [status, servedBy] = await ask(url + path, request, jar).catch(
      (error: Error) => [0, String(error.cause ?? error.message)] as const,
    );
    if (adds && status < 300 && status > 0) added += 1;
    // A line that is full at 99 pieces is an answer, not a failure of the deploy.
    tell(path, status === 422 ? 200 : status, servedBy);
  }
  const answer = await fetch(`${url}/api/cart`, { headers: { cookie: jar.header } });
  const { count } = (await answer.json()) as { count: number };
  return { added, held: count };
}

/** @returns the status and who answered. @throws where no answer comes, or only a part of it. */
async function ask(url: string, request: RequestInit, jar: CookieJar): Promise<readonly [number, string]> {
  const response = await fetch(url, { ...request, signal: AbortSignal.timeout(10_000) });
  jar.keep(response);
  await response.arrayBuffer();
  return [response.status, response.headers.get('served-by') ?? ''];
}
