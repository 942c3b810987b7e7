// Every drill by name.
import { checkoutUnderFault } from './checkout-under-fault.ts';
import type { DrillContext, DrillResult, Fault } from './drill.ts';
import { networkFaults } from './faults/network.ts';
import { originFaults } from './faults/origins.ts';
import { postgresFaults } from './faults/postgres.ts';
import { randomFaults } from './faults/random.ts';
import { redisFaults } from './faults/redis.ts';
import type { CartStateName } from './region.ts';
import { rollingDeploy } from './rolling-deploy.ts';
import { runFault } from './run-fault.ts';

export interface Drill {
  summary: string;
  run(context: DrillContext, minutes: number): Promise<DrillResult>;
  /** States that it runs in where none is asked for; default `server`. */
  states?: CartStateName[];
}

export interface PlannedRun {
  name: string;
  state: CartStateName;
}

export const catalogue: Record<string, Drill> = {
  ...fromFaults({ ...originFaults, ...redisFaults, ...postgresFaults, ...networkFaults }),
  'rolling-deploy': { summary: 'origins are replaced one by one; not one request fails', run: rollingDeploy },
  'checkout-under-fault': {
    summary: 'orders while the Postgres primary is killed: each exactly once, stock to the piece',
    run: checkoutUnderFault,
  },
  strategies: {
    summary: 'the three states of a cart when an origin is killed, the loss of sticky sessions shown',
    states: ['server', 'cookie', 'sticky'],
    run: async (context) => ({ ...(await runFault('strategies', originFaults['kill-origin']!, context)) }),
  },
  random: {
    summary: 'single faults in random order, for as long as --minutes says',
    run: (context, minutes) => runFault('random', randomFaults(minutes), context),
  },
};

/** Grouped by state, because a region is started with one. */
export function plannedRuns(names: string[], options: { state?: CartStateName }): PlannedRun[] {
  const chosen = names.includes('all') ? Object.keys(catalogue) : names;
  return chosen.flatMap((name) => {
    const states = catalogue[name]!.states ?? [options.state ?? 'server'];
    return states.map((state) => ({ name, state }));
  });
}

function fromFaults(faults: Record<string, Fault>): Record<string, Drill> {
  return Object.fromEntries(
    Object.entries(faults).map(([name, fault]) => [
      name,
      { summary: fault.summary, run: (context: DrillContext) => runFault(name, fault, context) },
    ]),
  );
}
