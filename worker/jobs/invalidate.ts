// The invalidation job: raises floors in Redis, waits until no origin trusts older memory, and purges every edge.
import { setTimeout as delay } from 'node:timers/promises';
import { trustedMs } from '../../origin/cache/fenced-cache.ts';
import type { Floors } from '../../origin/invalidation/floors.ts';
import type { EdgePurger } from '../purge-edges.ts';
import type { JobHandler } from '../work-row.ts';

export function createInvalidateJob(floors: Floors, edges: EdgePurger): JobHandler<'invalidate'> {
  return async ({ tags }, { signal }) => {
    await floors.raise(tags);
    // An origin may trust its memory for 25 ms after it last asked; twice that, and none does.
    await Promise.all([delay(2 * trustedMs, undefined, { signal }), edges.purge(tags, signal)]);
  };
}
