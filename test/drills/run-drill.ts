// Runs drills in tests: on a given region, in short form, with a seed that a failure reports.
import { expect } from 'vitest';
import type { DrillContext, DrillResult } from '../../ops-scripts/drills/drill.ts';
import type { CartStateName, DrillRegion } from '../../ops-scripts/drills/region.ts';
import { registry } from '../../ops-scripts/drills/registry.ts';
import { describeFailure, describeResult } from '../../ops-scripts/drills/report.ts';
import { seededRandom } from '../../ops-scripts/traffic/seeded-random.ts';

export function contextOf(region: DrillRegion, name: string, state: CartStateName = 'server'): DrillContext {
  const seed = Number(process.env['PROPERTY_SEED'] ?? Math.floor(Math.random() * 1_000_000));
  return {
    region,
    state,
    seed,
    random: seededRandom(seed).fork(name),
    short: true,
    size: { minutes: 1, faults: 3 },
    progress: () => undefined,
    stopping: new AbortController().signal,
  };
}

/** Runs a drill on a region once it is whole. */
export async function runDrill(
  name: string,
  region: DrillRegion,
  state?: CartStateName,
): Promise<DrillResult> {
  await region.rebuilt();
  await region.healed();
  return registry[name]!.run(contextOf(region, name, state));
}

/**
 * The contract's verdict: nothing lost, nothing duplicated, no operation without an answer. A loss is only right where
 * it is expected.
 */
export function expectPassed(result: DrillResult): void {
  const told = [describeResult(result), ...describeFailure(result, { short: true })].join('\n');
  expect(result.verdict, told).toBe('pass');
  if (result.expectLoss) expect(result.lost, told).toBeGreaterThan(0);
  else expect(result, told).toMatchObject({ lost: 0, errors: 0 });
  expect(result.duplicated, told).toBe(0);
  expect(result.acknowledged, told).toBeGreaterThan(0);
}
