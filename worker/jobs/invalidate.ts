// The invalidation job: raises floors in Redis, waits until no origin trusts older memory, and purges every edge.
import { setTimeout as delay } from 'node:timers/promises';
import { trustedMs } from '../../origin/cache/fenced-cache.ts';
import type { Floors } from '../../origin/invalidation/floors.ts';
import type { EdgePurger } from '../purge-edges.ts';
import type { JobHandler } from '../work-row.ts';

export function createInvalidateJob(floors: Floors, edges: EdgePurger): JobHandler<'invalidate'> {
  return async ({ tags }, { signal, note }) => {
    await floors.raise(tags);
    note('floors raised in Redis');
    // An origin may trust its memory for 25 ms after it last asked; twice that, and none does.
    const memories = delay(2 * trustedMs, undefined, { signal }).then(() =>
      note('no origin trusts older memory'),
    );
    await Promise.all([memories, edges.purge(tags, signal, note)]);
  };
}
