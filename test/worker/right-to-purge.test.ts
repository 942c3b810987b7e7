// The right to speak to the edges, lost and won again: whoever had it meanwhile may have left something that an edge has not heard.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import type { TagVersions } from '../../origin/outbox/events.ts';
import { createPool, createDatabase as openDatabase } from '../../origin/postgres/database.ts';
import { startEdgePurger } from '../../worker/purge-edges.ts';
import { purgeKey } from '../edge/support/edge.ts';
import { createDatabase } from '../support/stores.ts';

const wait = { timeout: 20_000, interval: 20 };

test('begins anew: no word on the old line, and the first on the new one bears what others left', async () => {
  await using standing = new AsyncDisposableStack();
  const { url } = standing.use(await createDatabase());
  const db = openDatabase(createPool({ url, name: 'test', max: 2, onError: () => undefined }));
  standing.defer(() => db.destroy());
  const words: TagVersions[] = [];
  const edge = createServer(async (request, response) => {
    words.push((JSON.parse(await text(request)) as { tags: TagVersions }).tags);
    response.end();
  });
  edge.listen(0, '127.0.0.1');
  await once(edge, 'listening');
  standing.defer(() => void edge.close());
  const edgeUrl = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`;
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
  await vi.waitFor(() => expect(words).toContainEqual({}), wait);

  // Another worker had the right, met a silent edge, and let go of it.
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('edge_purger').execute();
    await tx.insertInto('edge_debts').values({ edge_url: edgeUrl, tag: 'product:1', version: 9 }).execute();
  });
  await vi.waitFor(() => expect(words).toContainEqual({ 'product:1': 9 }), wait);
  expect(told).toEqual([true, false, true]);
});
