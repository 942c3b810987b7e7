// The freshness drill finds nothing stale on a region, and finds an edge with a longer lease than the workers assume.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshness, runFreshness } from '../../ops-scripts/drills/freshness/freshness.ts';
import { type DrillRegion, startRegion } from '../../ops-scripts/drills/region.ts';
import { contextOf, expectPassed } from './run-drill.ts';

let region: DrillRegion;

beforeAll(async () => {
  region = await startRegion(process.env, { state: 'server' });
}, 200_000);
afterAll(() => region?.[Symbol.asyncDispose]());

test('The freshness drill finds nothing stale through a fault of each kind', {
  timeout: 900_000,
}, async () => {
  const context = { ...contextOf(region, 'freshness'), short: false };
  expectPassed(await freshness({ ...context, size: { minutes: 1, faults: 1, seconds: 300 } }));
});

test('an edge whose lease is longer than the workers know is found, with the history of what it showed', {
  timeout: 300_000,
}, async () => {
  await region.replace(region.ofKind('edge'), { env: { EDGE_LEASE_SECONDS: '60' } });
  const result = await runFreshness(contextOf(region, 'freshness'), {
    seconds: 30,
    faults: ['lose the purges to the edge'],
    throughProxy: true,
    archivesProduct: false,
  });
  expect(result.verdict).toBe('fail');
  expect(result.freshness.staleByTier.edge).toBeGreaterThan(0);
  expect(result.history?.[0]).toMatch(
    /^stale from edge: edge-1 GET \S+: began \S+ s, answered (200|304) at \S+ s, showed (price|stock) of \S+ \d+; at least \d+ was done at \S+ s/,
  );
});
