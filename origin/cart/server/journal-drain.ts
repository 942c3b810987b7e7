// Drains all cart journals into Postgres, in order and once, by the same decisions as a shopper's own write.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import type { RedisClient } from '../../redis/connect.ts';
import { createRedisRoom, roomForCopies } from '../../redis/servers.ts';
import { applyToCarts } from './apply-to-carts.ts';
import { type CartCopies, createCartCopies } from './cart-copies.ts';
import { journalIndexKeys } from './cart-keys.ts';
import type { RunSql } from './cart-statements.ts';
import { followMerged } from './follow-merged.ts';
import { runIn } from './locked-cart.ts';
import { publishCopies } from './publish-copies.ts';
import { mustWaitForOthers } from './whole-journal.ts';

interface DrainReport {
  /** Carts whose journal is now empty. */
  carts: number;
  operations: number;
  /** Carts that were busy or got more meanwhile; the next call takes them. */
  left: number;
}

const scanCount = 200;
/** One cart that cannot be drained must not keep all others from it; several in a row are an outage. */
const mostFailuresInARow = 3;

/**
 * Safe to run anywhere, at any time, by several at once.
 * @param signal ends it after the cart that it is at
 * @throws where Redis or Postgres does not answer; what was drained before that stays drained.
 */
export async function drainJournals(
  deps: Pick<Deps, 'db' | 'redis'> & Partial<Pick<Deps, 'lineage'>>,
  signal?: AbortSignal,
): Promise<DrainReport> {
  const report: DrainReport = { carts: 0, operations: 0, left: 0 };
  const copies = createCartCopies(
    deps.redis,
    alwaysAsk,
    createRedisRoom(deps.redis, roomForCopies),
    deps.lineage,
  );
  const run = runIn(deps.db);
  let failuresInARow = 0;
  const tryCart = async (cartId: string) => {
    try {
      await drainCart(copies, run, cartId, report);
      failuresInARow = 0;
    } catch (error) {
      failuresInARow += 1;
      report.left += 1;
      if (failuresInARow >= mostFailuresInARow) throw error;
    }
  };
  for (const index of await findFilled(deps.redis)) {
    let cursor = '0';
    do {
      const [next, cartIds] = await deps.redis.sscan(index, cursor, 'COUNT', scanCount);
      cursor = next;
      for (const cartId of cartIds) {
        if (signal?.aborted) return report;
        await tryCart(cartId);
      }
    } while (cursor !== '0');
  }
  return report;
}

/** Carts whose journal holds operations. */
export async function countJournals(redis: RedisClient): Promise<number> {
  const sizes = await Promise.all(journalIndexKeys.map((key) => redis.scard(key)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** All are asked at once, so that a call that finds nothing costs one turn. */
async function findFilled(redis: RedisClient): Promise<string[]> {
  const sizes = await Promise.all(journalIndexKeys.map((key) => redis.scard(key)));
  return journalIndexKeys.filter((_, index) => sizes[index]! > 0);
}

/** One cart. @throws where Redis does not answer. */
export async function drainCart(
  copies: CartCopies,
  run: RunSql,
  cartId: string,
  report: DrainReport,
): Promise<void> {
  const inRedis = await copies.read(cartId);
  if (inRedis === undefined) throw new Error('Cannot drain journals as Redis does not answer');
  const { journal } = inRedis;
  if (await mustWaitForOthers(run, cartId, inRedis, journal)) {
    report.left += 1;
    return;
  }
  const [applied] = await applyToCarts(run, [{ cartId, journal, waiting: [] }]);
  const updates =
    applied!.kind === 'merged'
      ? await followMerged(run, {
          guestCartId: cartId,
          guestVersion: applied!.version,
          into: applied!.into,
          journal,
        })
      : applied!.kind === 'applied'
        ? [applied!.update]
        : undefined;
  const left = updates && (await publishCopies(copies, run, updates))?.get(cartId);
  if (left === undefined || left.length > 0) {
    report.left += 1;
    return;
  }
  report.carts += 1;
  report.operations += journal.length;
}

/** The worker asks each time: its queue waits, not a shopper. */
const alwaysAsk = {
  isAway: () => false,
  unanswered: () => undefined,
  whenAway: () => () => undefined,
  close: () => undefined,
};

// Deletes operation ids older than 7 days, but none of a cart that has a journal: its replay must recognise them.

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
