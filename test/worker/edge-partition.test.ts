import { once } from 'node:events';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { expect, test } from 'vitest';
import { openPurgeChannel } from '../../worker/purge-channel.ts';
import { purgeKey, startEdge, type TestEdge } from '../edge/support/edge.ts';
import { startOrigin } from '../edge/support/origin.ts';
import { openShop } from '../support/shop.ts';

const wait = { timeout: 30_000, interval: 50 };

test('an edge that the worker cannot reach delays `done`, and shows nothing older from then on, nor after it is reached again', async () => {
  let edge: TestEdge | undefined;
  const line = await openDoor((request) => edge!.edge.app.fetch(request, {}));
  await using shop = await openShop({
    worker: true,
    env: { EDGE_URLS: line.url, EDGE_PURGE_KEY: purgeKey, EDGE_LEASE_SECONDS: '3' },
  });
  await using origin = await startOrigin(getRequestListener((request) => shop.app.fetch(request)));
  edge = startEdge(origin.url);
  // The edge's clock goes with the wall's.
  Object.defineProperty(edge.clock, 'now', { get: Date.now });
  const product = `/api/products/${shop.slug}`;
  const look = async () => {
    const response = await edge.get(product);
    const { id, price } = (await response.json()) as { id: string; price: { amount: number } };
    return { id, amount: price.amount, from: response.headers.get('Cache-Status') };
  };
  await expect.poll(async () => (await look()).from, wait).toMatch(/edge; ?hit/);
  const { id, amount: before } = await look();

  await line.close();
  const staff = await shop.staff();
  const price = { amount: before + 100, currency: 'EUR' };
  const { body } = await staff.patch(`/api/staff/products/${id}`, { price });
  expect(body.invalidation.state).toBe('pending');
  expect((await look()).amount).toBe(before);
  const state = async () =>
    (await staff.get(`/api/staff/invalidations/${body.invalidation.id}`)).body.state as string;
  await expect.poll(state, wait).toBe('done');
  expect((await look()).amount).toBe(price.amount);

  await line.open();
  const seen: number[] = [];
  await expect
    .poll(async () => {
      const { amount, from } = await look();
      seen.push(amount);
      return from;
    }, wait)
    .toMatch(/edge; ?hit/);
  expect(new Set(seen)).toEqual(new Set([price.amount]));
  await line.close();
});

test('a purge channel that is closed while its edge is silent confirms nothing, as the next holder does not know of it', async () => {
  const kept: unknown[] = [];
  const channel = openPurgeChannel({
    url: 'http://an-edge.test',
    leaseMs: 60_000,
    send: () => Promise.reject(new Error('silent')),
    pending: {},
    storePending: async (tags) => void kept.push(tags),
    clearPending: async () => undefined,
  });
  const purging = channel.purge({ 'product:42': 2 }, new AbortController().signal);
  channel.close();
  await expect(purging).rejects.toThrow('closed');
  expect(kept).toEqual([]);
});

/** A socket that can be closed and opened again at one address, as a partition would. */
async function openDoor(fetch: (request: Request) => Response | Promise<Response>) {
  const server = createServer(getRequestListener(fetch));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
    async open() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
}
