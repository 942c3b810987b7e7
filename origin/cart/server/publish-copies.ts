// After a commit: brings the copies up to date and learns what the journals still hold.
import type { JournalledOperation } from '../replay-journal.ts';
import type { CartCopies, CopyUpdate } from './cart-copies.ts';
import { type RunSql, readCartInFull } from './cart-statements.ts';

/** @returns what each cart's journal still holds; undefined where Redis does not answer. Never rejects. */
export async function publishCopies(
  copies: CartCopies,
  run: RunSql,
  updates: CopyUpdate[],
): Promise<Map<string, JournalledOperation[]> | undefined> {
  if (updates.length === 0) return new Map();
  const saved = await copies.save(updates);
  if (saved === undefined) return undefined;
  const left = new Map<string, JournalledOperation[]>();
  for (const [index, update] of updates.entries()) {
    const answer = saved[index]!;
    // The copy is missing or lags: read again, with the newest operations; it can only be newer than this update.
    const journal =
      answer === 'operations-missing'
        ? await fillCopy(copies, run, update.cartId, update.drained).catch(() => undefined)
        : answer.journal;
    if (journal === undefined) return undefined;
    left.set(update.cartId, journal);
  }
  return left;
}

/** Reads a cart from Postgres into its copy. @returns what its journal holds. @throws where Postgres does not answer. */
export async function fillCopy(
  copies: CartCopies,
  run: RunSql,
  cartId: string,
  drained: string[] = [],
): Promise<JournalledOperation[] | undefined> {
  const cart = await readCartInFull(run, cartId);
  if (cart === undefined) return undefined;
  const { operations, ...stored } = cart;
  const saved = await copies.save([{ cartId, cart: stored, versionBefore: 'full', operations, drained }]);
  const answer = saved?.[0];
  return answer === undefined || answer === 'operations-missing' ? undefined : answer.journal;
}
