// Forgets carts: what Redis holds of those that are erased, and carts of guests that nobody has touched for long.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import { partOf } from './cart-copies.ts';
import { copyKey, journalIndexKey, journalIndexKeys, journalKey } from './cart-keys.ts';

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
const mostPruned = 5_000;

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
      order by created_at limit ${mostPruned} for update skip locked))`.execute(db);
  return Number(numAffectedRows ?? 0);
}
