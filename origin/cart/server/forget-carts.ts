// Forgets carts: copies of those that are erased, guests' carts after a year, and ids of operations after 7 days.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { partOf } from './cart-copies.ts';
import { copyKey, journalIndexKey, journalIndexKeys, journalKey } from './copy-scripts.ts';

/** Copies and journals. The carts are gone from Postgres: what a journal still held would begin them anew. */
export async function forgetCartCopies(
  { redis, lineage }: Pick<Deps, 'redis' | 'lineage'>,
  cartIds: string[],
): Promise<void> {
  for (const cartId of cartIds) {
    // One slot.
    await redis.del(copyKey(cartId, partOf(lineage.known())), journalKey(cartId));
    await redis.srem(journalIndexKey(cartId), cartId);
  }
}

/** A round, so that no statement takes long. */
const batch = 5_000;

/**
 * Carts of guests that nobody has changed for so many days, none of them with a journal. Their browsers have forgotten
 * them by then. Index: carts_of_guests.
 * @throws where Redis does not answer: then nobody knows which carts have a journal
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

/** More than a busy shop writes in the minute until the next call. */
const mostBatches = 20;

/**
 * Ids of cart operations older than 7 days, but none of a cart that has a journal: its replay must recognise them.
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
