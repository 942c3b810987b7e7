// Reads the whole journal of a cart: what Redis has, what this origin holds, and whether other origins may still be
// refilling an emptied Redis.
import { unavailable } from '../../errors.ts';
import type { Awaits } from '../cart-cookie.ts';
import { type JournalledOperation, joinJournals } from '../decide-batch.ts';
import type { CartCopies, CartInRedis } from './cart-copies.ts';
import { type RunSql, readCartRows } from './cart-statements.ts';
import type { HeldOperations } from './held-operations.ts';

export interface WholeJournal {
  /** Undefined where Redis does not answer. */
  inRedis: CartInRedis | undefined;
  /** The operations, in order. */
  journal: JournalledOperation[];
  /** Only this origin holds some of them. A copy may contain such an operation without naming its id any more. */
  heldApart: boolean;
  /** Ids that the browser saw in the journal, and that neither journal nor copy names now. Postgres may have them. */
  lacking: string[];
  /** Redis was emptied a moment ago, so lacking operations may still come back. */
  refilling: boolean;
}

interface AskedCart {
  cartId: string;
  /** The cookie says that a journal exists. */
  journalled: boolean;
  awaits?: Awaits | undefined;
}

/**
 * @throws Refusal 503 where the cookie says that a journal exists and Redis does not answer; pieces would be missing
 */
export async function readWholeJournal(
  stores: { copies: Pick<CartCopies, 'read'>; held: Pick<HeldOperations, 'of'> },
  { cartId, journalled, awaits }: AskedCart,
): Promise<WholeJournal> {
  const inRedis = await stores.copies.read(cartId);
  if (inRedis === undefined && journalled) throw piecesUnread();
  const ids = new Set(inRedis?.journal.map(({ opId }) => opId));
  // An operation that left the journal on the same home is committed. It is left out here; the writer releases it.
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
 * Called before the journal is applied.
 * @throws Refusal 503 where an operation may still come back into the journal, and this browser saw it or a
 * journalled operation follows it; PostgresSilent where Postgres does not answer
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
  // After the refill, no origin holds them any more.
  if (!inRedis.refilling) return false;
  return (await findUnknown(run, cartId, followedOf(inRedis, journal))).length > 0;
}

/** @returns ids that the journal's operations follow, and that neither journal nor copy names */
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
