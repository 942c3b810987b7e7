// Deletes carts' data: copies of erased carts, guests' carts after a year, and ids of operations after 7 days.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { partOf } from './cart-copies.ts';
import { copyKey, journalIndexKey, journalIndexKeys, journalKey } from './copy-scripts.ts';

/** Deletes copies and journals of carts that are gone from Postgres. A remaining journal would create its cart anew. */
export async function forgetCartCopies(
  { redis, lineage }: Pick<Deps, 'redis' | 'lineage'>,
  cartIds: string[],
): Promise<void> {
  for (const cartId of cartIds) {
    // Both keys share one slot.
    await redis.del(copyKey(cartId, partOf(lineage.known())), journalKey(cartId));
    await redis.srem(journalIndexKey(cartId), cartId);
  }
}

/** How many rows one statement deletes, so that none takes long. */
const batch = 5_000;

/**
 * Deletes guests' carts that were not changed for so many days and have no journal. Their browsers have dropped the
 * cookies by then. Index: carts_of_guests.
 * @throws where Redis does not answer, because it is then unknown which carts have a journal
 */
export async function pruneGuestCarts(
  { db, redis }: Pick<Deps, 'db' | 'redis'>,
  days: number,
): Promise<number> {
  const journalled = (await Promise.all(journalIndexKeys.map((key) => redis.smembers(key)))).flat();
  const { numAffectedRows } = await sql`
    delete from carts where id = any(array(
      select id from carts
      where account_id is null and created_at < now() - make_interval(days => ${days})
        and updated_at < now() - make_interval(days => ${days}) and not id = any(${journalled})
      order by created_at limit ${batch} for update skip locked))`.execute(db);
  return Number(numAffectedRows ?? 0);
}

/** More than a busy shop writes until the next call, a minute later. */
const mostBatches = 20;

/**
 * Deletes ids of cart operations older than 7 days, except those of carts with a journal, whose replay must recognise
 * them.
 * @returns how many were deleted, at most 100,000 a call
 * @throws where Redis does not answer, because it is then unknown which carts have a journal
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
