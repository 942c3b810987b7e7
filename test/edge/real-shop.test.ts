// The edge before the real origin and worker: a new price is shown at once, nobody's page is kept, and browsing outlives the origin.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { expect, test } from 'vitest';
import { createEdge } from '../../edge/app.ts';
import { createEdgeServer } from '../../edge/reply/serve-node.ts';
import { createMemoryStore } from '../../edge/stored/stored-response.ts';
import { createNodeUpstream } from '../../edge/upstream/upstream-node.ts';
import { createClientAddress } from '../../http/client-address.ts';
import { readTrace } from '../../worker/console/trace.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { purgeKey } from './support/edge.ts';
import { listen } from './support/server.ts';

interface FrontedShop extends AsyncDisposable {
  shop: Shop;
  url: string;
  closeOrigin(): Promise<void>;
}

/** The edge must be there before the worker that speaks to it, and the origin's address before the edge. */
async function openFrontedShop(): Promise<FrontedShop> {
  await using standing = new AsyncDisposableStack();
  let shop: Shop | undefined;
  const origin = createServer(getRequestListener((request) => shop!.app.fetch(request))).listen(
    0,
    '127.0.0.1',
  );
  await once(origin, 'listening');
  const closeOrigin = async () => {
    origin.closeAllConnections();
    await new Promise((resolve) => origin.close(resolve));
  };
  standing.defer(closeOrigin);
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const timeouts = { silenceMs: 20_000, wholeMs: 30_000, maxConnections: 20, maxCalls: 100 };
  const edge = createEdge({
    store: createMemoryStore(10_000_000),
    upstream: createNodeUpstream({ originUrl, ...timeouts }),
    purgeKey,
    leaseSeconds: 60,
    servedBy: 'test/edge',
  });
  const server = createEdgeServer({
    edge,
    originUrl,
    servedBy: 'test/edge',
    clientAddress: createClientAddress([]),
  });
  const url = await listen(server);
  standing.defer(() => void server.close());
  standing.defer(() => server.closeAllConnections());
  const env = { EDGE_URLS: url, EDGE_PURGE_KEY: purgeKey, EDGE_LEASE_SECONDS: '1' };
  shop = standing.use(await openShop({ worker: true, env }));
  await expect.poll(() => edge.fence.leaseLeftMs(), { timeout: 30_000 }).toBeGreaterThan(0);
  const stack = standing.move();
  return { shop, url, closeOrigin, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const statusOf = (answer: Response) => answer.headers.get('cache-status') ?? '';
const isKept = async (url: string) => {
  const answer = await fetch(url);
  await answer.text();
  return statusOf(answer).includes('edge; hit');
};

test('a new price is at the edge once the change is done; pages of one shopper never reach another; browsing outlives the origin', async () => {
  await using fronted = await openFrontedShop();
  const { shop, url } = fronted;
  const page = `${url}/p/${shop.slug}`;
  const api = `${url}/api/products/${shop.slug}`;
  for (const address of [page, api]) await expect.poll(() => isKept(address), { timeout: 20_000 }).toBe(true);

  const staff = await shop.staff();
  const { body: product } = await staff.get(`/api/products/${shop.slug}`);
  const { body: change } = await staff.patch(
    `/api/staff/products/${product.id}`,
    { price: { amount: 4_321, currency: product.price.currency } },
    { Prefer: 'wait=5' },
  );
  const isDone = async () =>
    (await staff.get(`/api/staff/invalidations/${change.invalidation.id}`)).body.state;
  await expect.poll(isDone, { timeout: 20_000 }).toBe('done');
  expect(((await (await fetch(api)).json()) as { price: { amount: number } }).price.amount).toBe(4_321);
  expect(await (await fetch(page)).text()).toContain('43.21');
  // Operators see that this edge confirmed it, and when.
  const trace = await readTrace(shop.deps.db, change.invalidation.id);
  expect(trace?.events.map(({ what }) => what)).toContain(`attempt 1: edge ${url} confirmed`);

  const shopper = shop.browser();
  await shopper.add(shop.variants[0]!.id);
  const cart = async (cookie: string) => fetch(`${url}/api/cart`, { headers: { cookie } });
  const own = await cart(shopper.cookieHeader);
  expect(own.headers.get('cache-control')).toContain('no-store');
  expect(await own.json()).toMatchObject({ count: 1 });
  const others = await cart('');
  expect(await others.json()).toMatchObject({ count: 0 });
  for (const answer of [own, others]) expect(statusOf(answer)).not.toMatch(/hit|stored/);
  // A shared page asked for by somebody signed in is everybody's.
  const shared = await fetch(page, { headers: { cookie: staff.cookieHeader } });
  expect(await shared.text()).toBe(await (await fetch(page)).text());
  expect(shared.headers.has('set-cookie')).toBe(false);

  for (const address of [page, api]) await expect.poll(() => isKept(address), { timeout: 20_000 }).toBe(true);
  await fronted.closeOrigin();
  expect(await (await fetch(page)).text()).toContain('43.21');
  const away = await cart(shopper.cookieHeader);
  expect([away.status, away.headers.get('retry-after')]).toEqual([502, '2']);
  expect(await away.json()).toMatchObject({ code: 'origin-away' });
});
