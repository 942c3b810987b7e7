// Releases held operations after a commit, and updates the carts' copies in Redis.
// Returns what the carts' journals still hold.
import { opMarkOf } from '../cart-contents.ts';
import type { JournalledOperation } from '../decide-batch.ts';
import type { CartCopies, CopyUpdate } from './cart-copies.ts';
import { type RunSql, readCartInFull } from './cart-statements.ts';
import type { HeldOperations } from './held-operations.ts';

/** What an origin needs to publish a commit. */
export interface Publishing {
  copies: CartCopies;
  held: Pick<HeldOperations, 'release'>;
  read: RunSql;
}

/**
 * Releases the operations that were replayed, then calls `publishCopies`. An operation that was also committed
 * directly stays held until it is replayed, as it stays in the journal. Without it, later journalled sets would seem
 * older than its commit.
 */
export function publishCommit(
  { copies, held, read }: Publishing,
  updates: CopyUpdate[],
): Promise<Map<string, JournalledOperation[]> | undefined> {
  for (const { cartId, drained } of updates) held.release(cartId, drained);
  return publishCopies(copies, read, updates);
}

/**
 * @returns what each cart's journal still holds, as far as that could be read; undefined where Redis does not answer.
 * Never rejects.
 */
export async function publishCopies(
  copies: CartCopies,
  run: RunSql,
  updates: CopyUpdate[],
): Promise<Map<string, JournalledOperation[]> | undefined> {
  if (updates.length === 0) return new Map();
  const saved = await copies.save(updates);
  if (saved === undefined) return undefined;
  const left = await Promise.all(
    updates.map(async ({ cartId }, index) => {
      const answer = saved[index]!;
      if (answer !== 'operations-missing') return [cartId, answer.journal] as const;
      // The copy is missing or lags behind. It is filled from Postgres, which can only be newer than this update.
      const journal = await fillCopy(copies, run, cartId).catch(() => undefined);
      return journal && ([cartId, journal] as const);
    }),
  );
  return new Map(left.filter((one) => one !== undefined));
}

const fillRounds = 3;

/**
 * Reads a cart from Postgres into its copy, and removes from its journal what Postgres has. A `set` that was both
 * committed directly and journalled stays. Only its replay by a writer shows that the sets after it in the journal
 * are later than its commit.
 * @returns what the journal then holds; undefined where Redis does not answer or the journal grew each time
 * @throws where Postgres does not answer
 */
export async function fillCopy(
  copies: CartCopies,
  run: RunSql,
  cartId: string,
): Promise<JournalledOperation[] | undefined> {
  for (let round = 0; round < fillRounds; round += 1) {
    const inRedis = await copies.read(cartId);
    if (inRedis === undefined) return undefined;
    const judged = inRedis.journal.map((operation) => operation.opId);
    const cart = await readCartInFull(run, cartId, judged);
    if (cart === undefined) return undefined;
    const { operations, known, ...stored } = cart;
    const standing = inRedis.journal.filter(({ opId, variantId }) => {
      return known.includes(opId) && stored.contents.directSets[variantId]?.[1] === opMarkOf(opId);
    });
    const kept = new Set(standing.map(({ opId }) => opId));
    const update = {
      cartId,
      cart: stored,
      versionBefore: 'full' as const,
      // The copy must name all that stays in the journal, or a view would count it again.
      operations: [...standing, ...operations.filter(({ opId }) => !kept.has(opId))],
      drained: known.filter((opId) => !kept.has(opId)),
      judged,
    };
    const answer = (await copies.save([update]))?.[0];
    if (answer !== 'operations-missing') return answer?.journal;
  }
  return undefined;
}
