// The hunt on a region finds nothing; and it finds an edge that trusts what it kept for longer than the workers believe.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshness, hunt } from '../../ops-scripts/drills/freshness/freshness.ts';
import { type Region, startRegion } from '../../ops-scripts/drills/region.ts';
import { contextOf, expectPassed } from './run-drill.ts';

let region: Region;

beforeAll(async () => {
  region = await startRegion(process.env, { state: 'server' });
}, 200_000);
afterAll(() => region?.[Symbol.asyncDispose]());

test('nothing stale through a fault of each kind', { timeout: 900_000 }, async () => {
  const context = { ...contextOf(region, 'freshness'), short: false };
  expectPassed(await freshness({ ...context, size: { minutes: 1, faults: 1, seconds: 300 } }));
});

test('an edge whose lease is longer than the workers know is found, with the history of what it showed', {
  timeout: 300_000,
}, async () => {
  await region.replace(region.ofKind('edge'), { env: { EDGE_LEASE_SECONDS: '60' } });
  const result = await hunt(contextOf(region, 'freshness'), {
    seconds: 30,
    faults: ['lose the words to the edge'],
    onTheLine: true,
    turnsShelf: false,
  });
  expect(result.verdict).toBe('fail');
  expect(result.freshness.staleByTier.edge).toBeGreaterThan(0);
  expect(result.history?.[0]).toMatch(
    /^stale from edge: edge-1 GET \S+: began \S+ s, answered (200|304) at \S+ s, showed (price|stock) of \S+ \d+; at least \d+ was done at \S+ s/,
  );
});
