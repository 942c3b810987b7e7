// The right to purge the edges, lost and won again: whoever had it meanwhile may have left pending purges.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import type { TagVersions } from '../../http/cache-tag.ts';
import { createPool, createDatabase as openDatabase } from '../../origin/postgres/database.ts';
import { startEdgePurger } from '../../worker/purge-edges.ts';
import { purgeKey } from '../edge/support/edge.ts';
import { createDatabase } from '../support/stores.ts';

const wait = { timeout: 20_000, interval: 20 };

test('The right to purge begins anew: nothing on the old channel, and the first purge on the new one bears what others left', async () => {
  await using standing = new AsyncDisposableStack();
  const { url } = standing.use(await createDatabase());
  const db = openDatabase(createPool({ url, name: 'test', max: 2, onError: () => undefined }));
  standing.defer(() => db.destroy());
  const { purges, url: edgeUrl } = standing.use(await startListener());
  const told: boolean[] = [];
  const purger = startEdgePurger({
    db,
    log: pino({ level: 'silent' }),
    edgeUrls: [edgeUrl],
    key: purgeKey,
    leaseSeconds: 1,
    onMaySend: (maySend) => told.push(maySend),
  });
  standing.defer(() => purger.stop());
  await vi.waitFor(() => expect(purges).toContainEqual({}), wait);

  // Another worker had the right, met a silent edge, and let go of it.
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('edge_purger').execute();
    await tx.insertInto('edge_debts').values({ edge_url: edgeUrl, tag: 'product:1', version: 9 }).execute();
  });
  await vi.waitFor(() => expect(purges).toContainEqual({ 'product:1': 9 }), wait);
  expect(told).toEqual([true, false, true]);
});

test('No edge is purged while the pending purges of another cannot be read, and each is once they can be', async () => {
  await using standing = new AsyncDisposableStack();
  const { url } = standing.use(await createDatabase());
  const whole = openDatabase(createPool({ url, name: 'test', max: 2, onError: () => undefined }));
  standing.defer(() => whole.destroy());
  const [first, second] = [standing.use(await startListener()), standing.use(await startListener())];
  let failing = true;
  const db = whole.withPlugin({
    transformQuery({ node }) {
      if (failing && JSON.stringify(node).includes(second.url)) throw new Error('Cannot read');
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const warn = vi.fn();
  const purger = startEdgePurger({
    db,
    log: Object.assign(pino({ level: 'silent' }), { warn }),
    edgeUrls: [first.url, second.url],
    key: purgeKey,
    leaseSeconds: 1,
    onMaySend: () => undefined,
  });
  standing.defer(() => purger.stop());
  await vi.waitFor(() => expect(warn.mock.calls.length).toBeGreaterThan(1), wait);
  expect([first.purges, second.purges]).toEqual([[], []]);
  failing = false;
  await vi.waitFor(() => {
    expect(first.purges).toContainEqual({});
    expect(second.purges).toContainEqual({});
  }, wait);
});

/** An edge's ear: keeps the tags of each purge and confirms it. */
async function startListener() {
  const purges: TagVersions[] = [];
  const edge = createServer(async (request, response) => {
    purges.push((JSON.parse(await text(request)) as { tags: TagVersions }).tags);
    response.end();
  });
  edge.listen(0, '127.0.0.1');
  await once(edge, 'listening');
  return {
    purges,
    url: `http://127.0.0.1:${(edge.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      edge.closeAllConnections();
      edge.close();
    },
  };
}
