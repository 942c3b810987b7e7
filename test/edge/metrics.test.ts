// What an operator reads of the edge: each outcome once, what is kept, and how long the lease still runs.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { outcomeOf } from '../../edge/metrics.ts';
import { createMetricsServer } from '../../edge/reply/serve-node.ts';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

test('hits, misses, purges, stored bytes and the lease are told on a port of their own', async () => {
  await using origin = await startOrigin((_request, response) => {
    response
      .writeHead(200, { 'cache-tag': 'product:42@1', 'cdn-cache-control': 'max-age=60' })
      .end('x'.repeat(5_000));
  });
  const shop = startEdge(origin.url);
  const server = createMetricsServer(shop.edge).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const read = async () => readSamples(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());

  expect(await read()).toMatchObject({ edge_lease_left_seconds: 0, edge_purges_total: 0 });
  await shop.purge({});
  for (let i = 0; i < 3; i++) await (await shop.get('/p/shirt')).text();
  const samples = await read();
  expect(samples).toMatchObject({
    'edge_answers_total{outcome="hit"}': 2,
    'edge_answers_total{outcome="miss"}': 1,
    'edge_answers_total{outcome="away"}': 0,
    edge_purges_total: 1,
    edge_lease_left_seconds: 3,
  });
  expect(samples.edge_stored_bytes).toBeGreaterThan(5_000);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  expect((await shop.purge({}, shop.clock.now - 60_001)).status).toBe(401);
  expect((await read()).edge_purges_total).toBe(1);
  server.closeAllConnections();
  server.close();
});

test.each([
  ['origin; hit, edge; fwd=uri-miss; fwd-status=200; stored', 'miss'],
  ['edge; hit; ttl=10', 'hit'],
  ['edge; fwd=uri-miss; collapsed; ttl=10', 'hit'],
  ['edge; hit; detail=stale-while-revalidate; ttl=-1', 'stale'],
  ['edge; fwd=stale; fwd-status=500; detail=stale-if-error; ttl=-9', 'stale'],
  ['edge; fwd=stale; fwd-status=304; ttl=60', 'revalidated'],
  ['edge; fwd=method', 'write'],
  ['edge; fwd=method; detail=origin-away', 'away'],
  ['edge', 'refused'],
])('%s counts as %s', (cacheStatus, outcome) => {
  expect(outcomeOf(cacheStatus)).toBe(outcome);
});

/** Only what OpenMetrics allows here: comments, samples, and the end said in the last line. */
function readSamples(text: string): Record<string, number> {
  const lines = text.trimEnd().split('\n');
  expect(lines.pop()).toBe('# EOF');
  const samples: Record<string, number> = {};
  for (const line of lines) {
    if (/^# (TYPE|HELP|UNIT) \w+ /.test(line)) continue;
    const [, name, value] = /^(\w+(?:\{\w+="\w+"\})?) (\d+(?:\.\d+)?)$/.exec(line) ?? [];
    expect(name, line).toBeDefined();
    samples[name!] = Number(value);
  }
  return samples;
}
