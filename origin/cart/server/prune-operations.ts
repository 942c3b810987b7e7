// Deletes operation ids older than 7 days, but none of a cart that has a journal: its replay must recognise them.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { journalIndexKeys } from './cart-keys.ts';

const batch = 5_000;
/** More than a busy shop writes in the minute until the next call. */
const mostBatches = 20;

/**
 * For the worker's clean-up.
 * @returns how many were pruned, at most 100,000 a call
 * @throws where Redis does not answer: then nobody knows which carts have a journal
 */
export async function pruneCartOperations(deps: Pick<Deps, 'db' | 'redis'>): Promise<number> {
  const journalled = (await Promise.all(journalIndexKeys.map((key) => deps.redis.smembers(key)))).flat();
  let pruned = 0;
  for (let round = 0; round < mostBatches && pruned === round * batch; round += 1) {
    const { numAffectedRows } = await sql`
      delete from cart_operations where ctid = any(array(
        select ctid from cart_operations
        where created_at < now() - interval '7 days' and not cart_id = any(${journalled})
        limit ${batch}))`.execute(deps.db);
    pruned += Number(numAffectedRows ?? 0);
  }
  return pruned;
}
