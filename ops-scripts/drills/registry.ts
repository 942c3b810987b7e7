// The registry of all drills by name.
import { setTimeout as delay } from 'node:timers/promises';
import { checkoutUnderFault } from './checkout-under-fault.ts';
import { rollingDeploy } from './deploy/rolling-deploy.ts';
import type { DrillContext, DrillResult, Fault } from './drill.ts';
import { machineFaults, networkFaults, originFaults } from './faults/origins.ts';
import { postgresFaults, redisFaults } from './faults/stores.ts';
import { freshness } from './freshness/freshness.ts';
import { fulfilmentUnderEachFault, fulfilmentUnderFault } from './fulfilment-under-fault.ts';
import { greedyClients } from './greedy-clients.ts';
import type { CartStateName } from './region.ts';
import { restoreDrill } from './restore.ts';
import { runRestoreFromBackup } from './restore-from-backup.ts';
import { conclude, runFault, shopThrough } from './run-fault.ts';
import { type LifeRun, runShopLife } from './shop-life/shop-life.ts';
import { silentLoss } from './silent-loss.ts';
import { compareStrategies } from './strategies.ts';
import { runTenFaults } from './ten-faults/ten-faults.ts';

const {
  'double-fault': _two,
  'triple-fault': _three,
  'postgres-disk-full': _needsDisks,
  ...singlePostgres
} = postgresFaults;
const pool = { ...originFaults, ...redisFaults, ...singlePostgres };

const randomFaults: Fault = {
  summary: 'single faults in random order, for as long as --minutes and --faults say',
  loses: (state) => state === 'sticky',
  async inflict(context) {
    const { size, random, progress, stopping } = context;
    const began = performance.now();
    const minutes = () => (performance.now() - began) / 60_000;
    const counts = new Map<string, number>();
    let faults = 0;
    while (!stopping.aborted && (minutes() < size.minutes || faults < size.faults)) {
      const name = random.pick(Object.keys(pool));
      faults += 1;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      progress(`${minutes().toFixed(1)} of ${size.minutes} min, fault ${faults}: ${name}`);
      await pool[name]!.inflict({ ...context, short: true });
      await delay(random.integer(2_000, 5_000));
      // A lost store takes up to thirty seconds to rebuild. Before that, a second fault would be a double fault.
      await context.calm();
    }
    const list = [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
    context.note(`${faults} faults in ${minutes().toFixed(1)} minutes: ${list}`);
  },
};

interface Drill {
  summary: string;
  run(context: DrillContext): Promise<DrillResult>;
  /** The cart states in which it runs by default; `server` if absent. */
  states?: CartStateName[];
  needs?: Fault['needs'];
}

export interface PlannedRun {
  name: string;
  state: CartStateName;
  smallDisks: boolean;
}

export const registry: Record<string, Drill> = {
  ...fromFaults({ ...originFaults, ...redisFaults, ...postgresFaults, ...networkFaults, ...machineFaults }),
  'rolling-deploy': { summary: 'origins are replaced one by one; not one request fails', run: rollingDeploy },
  'checkout-under-fault': {
    summary: 'orders while the Postgres primary is killed: each exactly once, stock to the piece',
    run: checkoutUnderFault,
  },
  'fulfilment-under-fault': {
    summary:
      'two of the staff ship, cancel and refund 200 orders at once; stores, workers and provider are lost together',
    run: fulfilmentUnderFault,
  },
  'fulfilment-under-each-fault': {
    summary: 'the same, and provider, worker, Redis and Postgres are lost one after the other',
    run: fulfilmentUnderEachFault,
  },
  crowd: {
    summary: '500 shoppers for two minutes, one origin killed midway',
    run: crowd,
  },
  strategies: {
    summary: 'the three states of a cart when an origin is killed, told to stop, and when all are replaced',
    states: ['server', 'cookie', 'sticky'],
    run: compareStrategies,
  },
  freshness: {
    summary:
      'writers and readers at every origin and the edge through all kinds of faults; no page may be stale',
    run: freshness,
  },
  restore: {
    summary:
      'Postgres goes back in time, by a base backup and by a dump; nothing that it lost is shown any longer',
    run: restoreDrill,
  },
  'silent-loss': {
    summary: 'stores, an edge and a zone vanish without resetting a connection',
    run: silentLoss,
  },
  'greedy-clients': {
    summary:
      'slow senders, slow readers, uploads of purges and guesses of passwords; other shoppers notice nothing',
    run: greedyClients,
  },
  random: { summary: randomFaults.summary, run: (context) => runFault('random', randomFaults, context) },
};

/** These drills start their own parts, so no region is started for them. */
export const drillsWithOwnParts: Record<
  string,
  { summary: string; run(how: LifeRun): Promise<DrillResult> }
> = {
  'shop-life': {
    summary:
      'the shop lives for days among shoppers, staff, files, mail servers and restarts; laws are checked',
    run: runShopLife,
  },
  'restore-from-backup': {
    summary: 'the machine and all its data are lost; a new one is restored from a backup, twice: RPO and RTO',
    run: runRestoreFromBackup,
  },
  'ten-faults': {
    summary:
      "ten faults are prepared, found and mended by the runbook's commands; --report writes what was typed",
    run: runTenFaults,
  },
};

/**
 * Plans runs in the order of the registry, with drills that need another region last. All drills that can share a
 * region do.
 */
export function plannedRuns(names: string[], asked: CartStateName | undefined): PlannedRun[] {
  const chosen = names.includes('all') ? Object.keys(registry) : names;
  return chosen.flatMap((name) => {
    const { states = ['server'], needs } = registry[name]!;
    const wanted = asked === undefined ? states : [asked];
    return wanted.map((state) => ({ name, state, smallDisks: needs === 'small-disks' }));
  });
}

function fromFaults(faults: Record<string, Fault>): Record<string, Drill> {
  return Object.fromEntries(
    Object.entries(faults).map(([name, fault]) => [
      name,
      {
        summary: fault.summary,
        run: (context: DrillContext) => runFault(name, fault, context),
        ...(fault.needs ? { needs: fault.needs } : {}),
      },
    ]),
  );
}

const mostFailures = 0.001;

/**
 * Drill: a crowd shops for two minutes, and one origin is killed midway. Counts requests that failed before a retry.
 */
async function crowd(context: DrillContext): Promise<DrillResult> {
  const { short, size } = context;
  const fault = originFaults['kill-origin']!;
  const run = await shopThrough(fault, {
    ...context,
    size: {
      ...size,
      shoppers: size.shoppers ?? (short ? 100 : 500),
      seconds: size.seconds ?? (short ? 12 : 120),
      // People look around before they add a piece.
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
