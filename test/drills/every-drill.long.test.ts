// Every drill in short form, on one region for each cart state. Each must give the contract's verdict.
import { afterAll, describe, test } from 'vitest';
import {
  type CartStateName,
  type DrillRegion,
  Impossible,
  startRegion,
} from '../../ops-scripts/drills/region.ts';
import { plannedRuns, registry } from '../../ops-scripts/drills/registry.ts';
import { expectPassed, runDrill } from './run-drill.ts';

// These faults hurt what all cart states share, so one state is enough.
const inServerOnly = [
  'kill-standby',
  'kill-replica',
  'kill-worker',
  'postgres-disk-full',
  'double-fault',
  'triple-fault',
  'slow-postgres',
  'overload',
  'freshness',
  'fulfilment-under-fault',
  'fulfilment-under-each-fault',
  'random',
];

function namesFor(state: CartStateName): string[] {
  return Object.keys(registry).filter((name) => state === 'server' || !inServerOnly.includes(name));
}

describe.each(['server', 'cookie', 'sticky'] as const)('state %s', (state) => {
  const runs = plannedRuns(namesFor(state), state);
  for (const smallDisks of [false, true]) {
    const names = runs.filter((run) => run.smallDisks === smallDisks).map(({ name }) => name);
    if (names.length === 0) continue;
    describe(smallDisks ? 'with small disks' : 'with this disk', () => {
      let region: Promise<DrillRegion> | undefined;
      const opened = () => (region ??= startRegion(process.env, { state, smallDisks }));

      afterAll(async () => {
        await (await region?.catch(() => undefined))?.[Symbol.asyncDispose]();
      });

      test.for(names)('%s', { timeout: 400_000 }, async (name, { skip }) => {
        const ready = await opened().catch((error) => {
          if (error instanceof Impossible) skip(error.message);
          throw error;
        });
        expectPassed(await runDrill(name, ready, state));
      });
    });
  }
});
