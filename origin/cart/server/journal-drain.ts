// Drains all cart journals into Postgres, in order and once, by the same decisions as a shopper's own write.
// Late operations of a merged guest cart go to the account's cart.
import type { Deps } from '../../deps.ts';
import type { RedisClient } from '../../redis/connect.ts';
import { createRedisRoom, roomForCopies } from '../../redis/servers.ts';
import { type CartContents, changeLines } from '../cart-contents.ts';
import { decideCart, type JournalledOperation } from '../decide-batch.ts';
import { applyToCarts } from './apply-to-carts.ts';
import { type CartCopies, type CopyUpdate, createCartCopies } from './cart-copies.ts';
import { type RunSql, readCartRows, writeCarts } from './cart-statements.ts';
import { journalIndexKeys } from './copy-scripts.ts';
import { mustWaitForOthers } from './held-operations.ts';
import { runIn } from './locked-cart.ts';
import { publishCopies } from './publish-copies.ts';

interface DrainReport {
  /** Carts whose journal is now empty. */
  carts: number;
  operations: number;
  /** Carts that were busy, failed, or got more operations meanwhile; the next call takes them. */
  left: number;
}

const scanCount = 200;
/** A single cart that fails must not keep the others waiting. Several failures in a row mean an outage. */
const mostFailuresInARow = 3;

/**
 * Drains the journals of all carts. Several processes may run it at the same time.
 * @param signal ends the drain after the present cart
 * @throws where Redis or Postgres does not answer; what was drained before that stays drained
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

/** Counts the carts whose journal holds operations. */
export async function countJournals(redis: RedisClient): Promise<number> {
  const sizes = await Promise.all(journalIndexKeys.map((key) => redis.scard(key)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Asks all indexes at once, so that a call that finds nothing costs one round trip. */
async function findFilled(redis: RedisClient): Promise<string[]> {
  const sizes = await Promise.all(journalIndexKeys.map((key) => redis.scard(key)));
  return journalIndexKeys.filter((_, index) => sizes[index]! > 0);
}

/** Drains one cart. @throws where Redis does not answer */
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

/** The worker always asks the stores. Its queue may wait for them, unlike a shopper. */
const alwaysAsk = {
  isAway: () => false,
  unanswered: () => undefined,
  whenAway: () => () => undefined,
  close: () => undefined,
};

// Applies a merged guest cart's late operations to the account's cart, once. Their ids are recorded under the guest's
// cart.

interface LateOperations {
  guestCartId: string;
  guestVersion: number;
  /** The account's cart. */
  into: string;
  journal: JournalledOperation[];
}

/**
 * @returns what the copies of both carts must learn; undefined where the account's cart is busy and the caller must
 * try again
 */
export async function followMerged(
  run: RunSql,
  { guestCartId, guestVersion, into, journal }: LateOperations,
): Promise<CopyUpdate[] | undefined> {
  const opIds = journal.map((operation) => operation.opId);
  const [row] = await readCartRows(run, [{ cartId: into, scope: guestCartId, opIds }]);
  // If the account was deleted, its cart is gone too, and late operations are dropped.
  const unknown = journal.filter(({ opId }) => !row!.known.has(opId));
  const late = row!.exists ? asAdditions(row!.contents, unknown) : [];
  const decision = decideCart(row!.contents, row!.known, late, []);
  if (decision.changed) {
    const written = await writeCarts(run, [
      {
        cartId: into,
        scope: guestCartId,
        exists: true,
        versionBefore: row!.contents.version,
        contents: decision.contents,
        recorded: decision.recorded,
      },
    ]);
    if (!written.has(into)) return undefined;
  }
  const guest = { version: guestVersion, generation: 1, lines: [], directSets: {} };
  return [
    {
      cartId: into,
      cart: { contents: decision.contents, merged: false },
      versionBefore: row!.contents.version,
      operations: [],
      drained: [],
    },
    {
      cartId: guestCartId,
      cart: { contents: guest, merged: true },
      versionBefore: 'full',
      operations: [],
      drained: opIds,
    },
  ];
}

/**
 * Turns late operations into additions. The guest's versions say nothing about the account's lines, so a late `set`
 * must not remove pieces there. It only raises a line that has fewer pieces than it asks for.
 */
function asAdditions(base: CartContents, journal: JournalledOperation[]): JournalledOperation[] {
  let lines = base.lines;
  return journal.map((operation) => {
    const present = lines.find((line) => line.variantId === operation.variantId)?.quantity ?? 0;
    const quantity =
      operation.kind === 'add' ? operation.quantity : Math.max(0, operation.quantity - present);
    const addition: JournalledOperation = { ...operation, kind: 'add', quantity };
    lines = changeLines(lines, addition);
    return addition;
  });
}
