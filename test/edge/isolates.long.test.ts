// Several isolates of workerd before the real origin and worker: each is an edge that nobody can address.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { expect, test } from 'vitest';
import { openShop } from '../support/shop.ts';
import { purgeKey } from './support/edge.ts';

const leaseSeconds = 3;
const names = ['isolate-1', 'isolate-2', 'idle-isolate'];
const patience = { timeout: 60_000, interval: 50 };

test('No isolate shows an older price after a change is done, and each keeps pages between changes', async () => {
  await using standing = new AsyncDisposableStack();
  const env = { EDGE_PURGE_KEY: purgeKey, EDGE_LEASE_SECONDS: String(leaseSeconds) };
  const shop = standing.use(await openShop({ worker: true, env }));
  const origin = createServer(getRequestListener((request) => shop.app.fetch(request)));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  standing.defer(() => {
    origin.closeAllConnections();
    origin.close();
  });
  const isolates = standing.use(
    await startIsolates(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`),
  );
  const path = `/api/products/${shop.slug}`;
  const read = async (name: string) => {
    const answer = await isolates.get(name, path);
    const { price } = (await answer.json()) as { price: { amount: number } };
    return { amount: price.amount, isHit: answer.headers.get('cache-status')?.includes('edge; hit') };
  };
  const isKept = async (name: string) => (await read(name)).isHit;
  for (const name of names) await expect.poll(() => isKept(name), patience).toBe(true);

  let done = 0;
  const stale: string[] = [];
  const hits = new Map<string, number>();
  let reading = true;
  const keepReading = async (name: string) => {
    while (reading) {
      const least = done;
      const { amount, isHit } = await read(name);
      if (amount < least) stale.push(`${name} showed ${amount} after ${least} was done`);
      if (isHit) hits.set(name, (hits.get(name) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const readers = Promise.all(['isolate-1', 'isolate-2'].map(keepReading));
  const staff = await shop.staff();
  const { body: product } = await staff.get(path);
  for (const amount of [4_001, 4_002, 4_003]) {
    const beganMs = performance.now();
    const price = { amount, currency: 'EUR' };
    const { body } = await staff.patch(`/api/staff/products/${product.id}`, { price });
    const isDone = async () =>
      (await staff.get(`/api/staff/invalidations/${body.invalidation.id}`)).body.state;
    await expect.poll(isDone, { ...patience, interval: 10 }).toBe('done');
    done = amount;
    expect(performance.now() - beganMs).toBeLessThan(leaseSeconds * 1_000 + 10_000);
    for (const name of names) expect(await read(name)).toMatchObject({ amount });
    // The next change finds the idle isolate with a lease, and a page to be wrong with.
    for (const name of names) await expect.poll(() => isKept(name), patience).toBe(true);
  }
  reading = false;
  await readers;
  expect(stale).toEqual([]);
  for (const name of ['isolate-1', 'isolate-2']) expect(hits.get(name)).toBeGreaterThan(10);
  const leases = await shop.deps.db.selectFrom('edge_leases').select('name').execute();
  expect(leases.map(({ name }) => name).toSorted()).toEqual(
    names.map((name) => `workerd/${name}`).toSorted(),
  );
}, 180_000);

interface IsolateDoor {
  fetch(url: string): Promise<Response>;
}

async function startIsolates(originUrl: string) {
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, '../../edge/workerd.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*'],
  });
  const miniflare = new Miniflare({
    workers: names.map((name) => ({
      name,
      modules: [{ type: 'ESModule', path: 'edge.mjs', contents: bundle.outputFiles[0]!.text }],
      compatibilityFlags: ['nodejs_compat'],
      compatibilityDate: '2026-01-01',
      bindings: {
        ORIGIN_URL: originUrl,
        EDGE_PURGE_KEY: purgeKey,
        EDGE_LEASE_SECONDS: String(leaseSeconds),
        EDGE_FLOORS: 'asked',
        INSTANCE: name,
      },
    })),
  });
  await miniflare.ready;
  return {
    async get(name: string, path: string): Promise<Response> {
      // Its own type says that it is a promise, too.
      const isolate = (await miniflare.getWorker(name)) as unknown as IsolateDoor;
      return isolate.fetch(`http://shop.test${path}`);
    },
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  };
}
