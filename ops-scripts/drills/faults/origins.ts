// Faults of origins, workers and the balancer: killed, frozen or stopped.
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../drill.ts';
import { freeze, wake } from '../freeze.ts';

const losesMemory = (state: string) => state === 'sticky';

export const originFaults: Record<string, Fault> = {
  'kill-origin': {
    summary: 'kill -9 of one origin',
    loses: losesMemory,
    async inflict({ region, random, mark }) {
      const origin = random.pick(region.origins());
      region.signal(origin, 'SIGKILL');
      mark(`kill -9 ${origin.name}`);
    },
  },
  'freeze-origin': {
    summary: 'one origin stands still, then goes on',
    // Its shoppers are led to others, and come back to an older cart or to none.
    loses: losesMemory,
    async inflict({ region, random, mark, short }) {
      const origin = random.pick(region.origins());
      freeze(origin);
      mark(`freeze ${origin.name}`);
      await delay(short ? 4_000 : 15_000);
      wake(origin);
      mark('thaw');
    },
  },
  'kill-worker': {
    summary: 'kill -9 of one worker',
    async inflict({ region, mark }) {
      const worker = region.ofKind('worker');
      region.signal(worker, 'SIGKILL');
      mark(`kill -9 ${worker.name}`);
    },
  },
  'scale-in': {
    summary: 'one origin is told to stop, as when a group shrinks',
    loses: losesMemory,
    async inflict({ region, random, mark }) {
      const origin = random.pick(region.origins());
      region.signal(origin, 'SIGTERM');
      mark(`SIGTERM ${origin.name}`);
    },
  },
};
