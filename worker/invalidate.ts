// Makes a change "done": raises its floors, waits 50 ms until no origin trusts older memory, and for every edge.
import { setTimeout as delay } from 'node:timers/promises';
import { trustedMs } from '../origin/cache/memory.ts';
import type { Floors } from '../origin/invalidation/floors.ts';
import type { EdgePurger } from './purge-edges.ts';
import type { JobHandler } from './work-row.ts';

/** Raises floors in Redis, waits until no origin serves older entries from memory, and purges every edge. */
export function createInvalidateJob(floors: Floors, edges: EdgePurger): JobHandler<'invalidate'> {
  return async ({ tags }, { signal, note }) => {
    await floors.raise(tags);
    note('floors raised in Redis');
    // An origin may serve from memory for 25 ms after it last asked Redis. After twice that time none does.
    const memories = delay(2 * trustedMs, undefined, { signal }).then(() =>
      note('no origin trusts older memory'),
    );
    await Promise.all([memories, edges.purge(tags, signal, note)]);
  };
}
