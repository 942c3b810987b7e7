// The real origin and worker behind an edge, each in the test's own process.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { expect, vi } from 'vitest';
import { createEdge } from '../../../edge/app.ts';
import { followFloors } from '../../../edge/follow-floors.ts';
import { createEdgeServer } from '../../../edge/reply/serve-node.ts';
import { createMemoryStore } from '../../../edge/stored/stored-response.ts';
import { createNodeUpstream } from '../../../edge/upstream/upstream-node.ts';
import { createClientAddress } from '../../../http/client-address.ts';
import { openShop, type Shop } from '../../support/shop.ts';
import { purgeKey } from './edge.ts';
import { listen } from './server.ts';

export interface FrontedShop extends AsyncDisposable {
  shop: Shop;
  url: string;
  closeOrigin(): Promise<void>;
}

/**
 * The edge must be there before the worker that speaks to it, and the origin's address before the edge.
 * @param asks whether the edge asks for its floors, and the worker does not know its address
 */
export async function openFrontedShop(
  leaseSeconds?: number,
  { asks = false }: { asks?: boolean } = {},
): Promise<FrontedShop> {
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
    leaseSeconds: leaseSeconds ?? 60,
    servedBy: 'test/edge',
    asksForFloors: asks,
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
  const env = {
    ...(!asks && { EDGE_URLS: url }),
    EDGE_PURGE_KEY: purgeKey,
    EDGE_LEASE_SECONDS: String(leaseSeconds ?? 1),
  };
  shop = standing.use(await openShop({ worker: true, env }));
  if (edge.follower !== undefined) {
    const following = followFloors(edge.follower, (leaseSeconds ?? 1) * 1_000);
    standing.defer(() => following.stop());
  }
  await vi.waitFor(() => expect(edge.fence.leaseLeftMs()).toBeGreaterThan(0), { timeout: 30_000 });
  const stack = standing.move();
  return { shop, url, closeOrigin, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
