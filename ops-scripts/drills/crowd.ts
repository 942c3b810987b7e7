// Drill: a crowd shops for two minutes and one origin is killed midway; counts requests that failed before a retry.
import type { DrillContext, DrillResult } from './drill.ts';
import { originFaults } from './faults/origins.ts';
import { conclude, shopThrough } from './run-fault.ts';

const mostFailures = 0.001;

export async function crowd(context: DrillContext): Promise<DrillResult> {
  const { short, size } = context;
  const fault = originFaults['kill-origin']!;
  const run = await shopThrough(fault, {
    ...context,
    size: {
      ...size,
      shoppers: size.shoppers ?? (short ? 100 : 500),
      seconds: size.seconds ?? (short ? 12 : 120),
      // People look before they add.
      thinkMs: size.thinkMs ?? (short ? 1_000 : 5_000),
    },
  });
  const result = conclude('crowd', fault, context, run);
  const { failed, of } = run.load.timeline.failures;
  if (failed <= of * mostFailures) return result;
  return {
    ...result,
    verdict: 'fail',
    notes: [...result.notes, `that is more than ${mostFailures * 100} %`],
  };
}
