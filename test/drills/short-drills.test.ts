// The most important drills in short form on one region: no acknowledged change is lost, and a shop with a bug is
// found.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DrillRegion, startRegion } from '../../ops-scripts/drills/region.ts';
import { describeFailure } from '../../ops-scripts/drills/report.ts';
import { runFault } from '../../ops-scripts/drills/run-fault.ts';
import { bugged, plantedBugs } from './planted-bugs.ts';
import { contextOf, expectPassed, runDrill } from './run-drill.ts';

let region: DrillRegion;

beforeAll(async () => {
  region = await startRegion(process.env, { state: 'server' });
}, 260_000);

afterAll(async () => {
  await region?.[Symbol.asyncDispose]();
});

test.each([
  'rolling-deploy',
  'kill-redis-primary',
  'freeze-postgres-primary',
  'zone-loss',
  'slow-network',
  'checkout-under-fault',
  'freshness',
])('%s loses nothing and doubles nothing', { timeout: 180_000 }, async (name) => {
  expectPassed(await runDrill(name, region));
});

test.each(Object.keys(plantedBugs))(
  'a shop with a bug fails the drill, with history and command: %s',
  { timeout: 120_000 },
  async (bug) => {
    await region.rebuilt();
    const result = await runFault('kill-origin', bugged(bug), contextOf(region, bug));
    expect(result.verdict).toBe('fail');
    expect(result.lost + result.duplicated).toBeGreaterThan(0);
    const told = describeFailure(result, { short: true });
    expect(told.filter((line) => /^ +(add|set) \d of \d+ \[[\w-]+\] acknowledged: /.test(line))).not.toEqual(
      [],
    );
    expect(told.filter((line) => /variant \d+ has \d+, not \d+/.test(line))).not.toEqual([]);
    expect(told.at(-1)).toBe(
      `Repeat: npm run drill -- kill-origin --state server --seed ${result.seed} --short`,
    );
  },
);
