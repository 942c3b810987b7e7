// The whole journal of a cart: what Redis has of it, joined by what this origin holds itself, and whether other origins
// may still be about to fill an emptied Redis again.
import { unavailable } from '../../errors.ts';
import type { Awaits } from '../cart-cookie.ts';
import { type JournalledOperation, joinJournals } from '../decide-batch.ts';
import type { CartCopies, CartInRedis } from './cart-copies.ts';
import { type RunSql, readCartRows } from './cart-statements.ts';
import type { HeldOperations } from './held-operations.ts';

export interface WholeJournal {
  /** Undefined where Redis does not answer. */
  inRedis: CartInRedis | undefined;
  /** In order. */
  journal: JournalledOperation[];
  /** Some of it only this origin holds: an older copy may have them, and name them no longer. */
  heldApart: boolean;
  /** Ids that the browser has seen in the journal, which neither journal nor copy names now. Postgres may have them. */
  lacking: string[];
  /** Redis was emptied a moment ago: what is lacking may be on its way back. */
  refilling: boolean;
}

interface AskedCart {
  cartId: string;
  /** The cookie speaks of a journal. */
  journalled: boolean;
  awaits?: Awaits | undefined;
}

/** @throws Refusal 503 where the cookie speaks of a journal and Redis does not answer: pieces would be missing. */
export async function readWholeJournal(
  stores: { copies: Pick<CartCopies, 'read'>; held: Pick<HeldOperations, 'of'> },
  { cartId, journalled, awaits }: AskedCart,
): Promise<WholeJournal> {
  const inRedis = await stores.copies.read(cartId);
  if (inRedis === undefined && journalled) throw piecesUnread();
  const ids = new Set(inRedis?.journal.map(({ opId }) => opId));
  // What left the journal where it stood is committed, and only a writer may be told of it again.
  const apart = stores.held
    .of(cartId)
    .filter(
      ({ operation, home }) => !ids.has(operation.opId) && (home === undefined || home !== inRedis?.home),
    )
    .map(({ operation }) => operation);
  const journal = joinJournals(inRedis?.journal ?? [], apart);
  const lacking = inRedis === undefined ? [] : lackingOf(inRedis, journal, awaits?.opIds ?? []);
  return { inRedis, journal, heldApart: apart.length > 0, lacking, refilling: inRedis?.refilling ?? false };
}

export function piecesUnread(cause?: unknown) {
  return unavailable('Some pieces of this cart cannot be read at this moment; try again', cause);
}

/**
 * Before the journal is applied.
 * @throws Refusal 503 where an operation that this browser has seen, or that another one of the journal follows, is on
 * its way back; PostgresSilent where that cannot be told
 */
export async function refuseWhileLacking(
  run: RunSql,
  cartId: string,
  { inRedis, journal, lacking }: WholeJournal,
): Promise<void> {
  if (!inRedis?.refilling) return;
  const unknown = await findUnknown(run, cartId, [...lacking, ...followedOf(inRedis, journal)]);
  if (unknown.length > 0) throw piecesUnread();
}

/** @returns whether operations that these follow may still be on their way back into an emptied Redis */
export async function mustWaitForOthers(
  run: RunSql,
  cartId: string,
  inRedis: Pick<CartInRedis, 'copy' | 'refilling'>,
  journal: JournalledOperation[],
): Promise<boolean> {
  // Later nobody holds them any longer.
  if (!inRedis.refilling) return false;
  return (await findUnknown(run, cartId, followedOf(inRedis, journal))).length > 0;
}

/** @returns those which the journal's operations follow, and neither journal nor copy names */
function followedOf(inRedis: Pick<CartInRedis, 'copy'>, journal: JournalledOperation[]): string[] {
  const followed = new Set(journal.flatMap(({ follows = [] }) => follows));
  return lackingOf(inRedis, journal, [...followed]);
}

function lackingOf(
  { copy }: Pick<CartInRedis, 'copy'>,
  journal: JournalledOperation[],
  opIds: string[],
): string[] {
  if (opIds.length === 0) return [];
  const ids = new Set(journal.map(({ opId }) => opId));
  return opIds.filter((opId) => !ids.has(opId) && copy?.has(opId) !== true);
}

/** @returns which of the ids Postgres does not have */
async function findUnknown(run: RunSql, cartId: string, opIds: string[]): Promise<string[]> {
  if (opIds.length === 0) return [];
  const [row] = await readCartRows(run, [{ cartId, scope: cartId, opIds }]);
  return opIds.filter((opId) => !row!.known.has(opId));
}
