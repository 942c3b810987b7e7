// Reads a cart: the newest stored contents at hand, plus the journalled operations that they lack.
import { unavailable } from '../../errors.ts';
import { type CartContents, emptyCart } from '../cart-contents.ts';
import { type Awaits, awaitsOf } from '../cart-cookie.ts';
import { replayJournal } from '../decide-batch.ts';
import { readCartRows } from './cart-statements.ts';
import { PostgresSilent } from './cart-writer.ts';
import type { NamedCart } from './named-cart.ts';
import { fillCopy } from './publish-copies.ts';
import type { ServerStores } from './server-stores.ts';
import { readWholeJournal, type WholeJournal } from './whole-journal.ts';

export interface SeenCart {
  /** The cart's contents with its journalled operations. */
  contents: CartContents;
  /** The newest version that the browser now knows of. */
  version: number;
  /** Whether journalled operations are part of it, or would be once an emptied Redis has them again. */
  journalled: boolean;
  /** The journalled operations that this browser now knows of. */
  awaits: Awaits | undefined;
  /** True where the cart is older than what this browser has seen. */
  incomplete: boolean;
  /** The guest's cart was merged into an account's, so its cookie counts as absent. */
  merged: boolean;
  has: (opId: string) => boolean;
}

interface Base {
  contents: CartContents;
  /** Whether it was read from Postgres. */
  isTruth: boolean;
  merged: boolean;
  has: (opId: string) => boolean;
}

/**
 * @throws Refusal 503 where neither store answers, or where the cookie says that a journal exists and Redis does not
 * answer; the cart would lack acknowledged pieces
 */
export async function viewCart(stores: ServerStores, cart: NamedCart): Promise<SeenCart> {
  // Reads the journal before Postgres. An operation that moves between the two reads is then seen in both places, not
  // in neither.
  const whole = await readWholeJournal(stores, cart);
  const { journal, lacking, refilling } = whole;
  const base = await chooseBase(stores, cart, whole);
  const { contents, fresh } = replayJournal(base.contents, base.has, journal);
  const ids = new Set(journal.map((operation) => operation.opId));
  // An operation that Postgres lacks too can come back only while other origins refill Redis.
  const missing = lacking
    .filter((opId) => !base.has(opId) && (refilling || !base.isTruth))
    .map((opId) => ({ opId, sequence: cart.awaits!.sequence }));
  return {
    contents,
    // Postgres is never older than what a browser knows, unless it was restored. What the browser knew is then lost.
    version: base.isTruth ? contents.version : Math.max(contents.version, cart.version),
    journalled: fresh.length > 0 || missing.length > 0,
    awaits: awaitsOf([...missing, ...fresh]),
    incomplete: (!base.isTruth && base.contents.version < cart.version) || missing.length > 0,
    merged: base.merged,
    has: (opId) => ids.has(opId) || base.has(opId),
  };
}

async function chooseBase(stores: ServerStores, cart: NamedCart, whole: WholeJournal): Promise<Base> {
  const copy = whole.inRedis?.copy;
  // Another device may have written an account's cart, so its copy serves only while Postgres is away. A copy names
  // only its newest operations, so it cannot prove that one is missing.
  const serves = cart.accountId === undefined && whole.lacking.length === 0 && !whole.heldApart;
  if (serves && copy !== undefined && copy.contents.version >= cart.version)
    return { ...copy, isTruth: false };
  try {
    return await readFromPostgres(stores, cart.cartId, whole);
  } catch (error) {
    if (!(error instanceof PostgresSilent)) throw error;
    if (copy !== undefined) return { ...copy, isTruth: false };
    if (whole.inRedis === undefined)
      throw unavailable('The cart cannot be read at this moment; try again', error);
    return { contents: emptyCart, isTruth: false, merged: false, has: () => false };
  }
}

async function readFromPostgres(
  stores: ServerStores,
  cartId: string,
  { inRedis, journal, lacking }: WholeJournal,
): Promise<Base> {
  const opIds = [...journal.map((operation) => operation.opId), ...lacking];
  const [row] = await readCartRows(stores.read, [{ cartId, scope: cartId, opIds }]);
  if (
    inRedis !== undefined &&
    row!.exists &&
    (inRedis.copy?.contents.version ?? -1) < row!.contents.version
  ) {
    void fillCopy(stores.copies, stores.read, cartId).catch(() => undefined);
  }
  return {
    contents: row!.contents,
    isTruth: true,
    merged: row!.mergedInto !== undefined,
    has: (opId) => row!.known.has(opId),
  };
}
