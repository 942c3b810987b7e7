// Reads a cart: the newest stored contents at hand, plus the journalled operations that those lack.
import { unavailable } from '../../errors.ts';
import { type CartContents, emptyCart } from '../cart-contents.ts';
import { replayJournal } from '../replay-journal.ts';
import type { CartInRedis } from './cart-copies.ts';
import { readCartRows } from './cart-statements.ts';
import { PostgresSilent } from './cart-writer.ts';
import type { NamedCart } from './named-cart.ts';
import { fillCopy } from './publish-copies.ts';
import type { ServerStores } from './server-stores.ts';

export interface SeenCart {
  /** With what is journalled. */
  contents: CartContents;
  /** Whether operations of the journal are part of it. */
  journalled: boolean;
  /** Older than what this browser has seen. */
  incomplete: boolean;
  /** The guest's cart went to an account's: its cookie counts as absent. */
  merged: boolean;
  has: (opId: string) => boolean;
}

interface Base {
  contents: CartContents;
  merged: boolean;
  has: (opId: string) => boolean;
}

/**
 * @throws Refusal 503 where neither store answers, or where the cookie speaks of a journal and Redis does not
 * answer: the cart would lack acknowledged pieces.
 */
export async function viewCart(stores: ServerStores, cart: NamedCart): Promise<SeenCart> {
  // The journal before Postgres: an operation that moves from one to the other between the two is then seen in both,
  // not in neither.
  const inRedis = await stores.copies.read(cart.cartId);
  if (inRedis === undefined && cart.journalled) {
    throw unavailable('Some pieces of this cart cannot be read at this moment; try again');
  }
  const base = await chooseBase(stores, cart, inRedis);
  const journal = inRedis?.journal ?? [];
  const { contents, fresh } = replayJournal(base.contents, base.has, journal);
  const ids = new Set(journal.map((operation) => operation.opId));
  return {
    contents,
    journalled: fresh.length > 0,
    incomplete: base.contents.version < cart.version,
    merged: base.merged,
    has: (opId) => ids.has(opId) || base.has(opId),
  };
}

async function chooseBase(
  stores: ServerStores,
  cart: NamedCart,
  inRedis: CartInRedis | undefined,
): Promise<Base> {
  const copy = inRedis?.copy;
  // Another device may have written an account's cart, so its copy serves only while Postgres is away.
  if (copy !== undefined && cart.accountId === undefined && copy.contents.version >= cart.version)
    return copy;
  try {
    return await readFromPostgres(stores, cart.cartId, inRedis);
  } catch (error) {
    if (!(error instanceof PostgresSilent)) throw error;
    if (copy !== undefined) return copy;
    if (inRedis === undefined) throw unavailable('The cart cannot be read at this moment; try again', error);
    return { contents: emptyCart, merged: false, has: () => false };
  }
}

async function readFromPostgres(
  stores: ServerStores,
  cartId: string,
  inRedis: CartInRedis | undefined,
): Promise<Base> {
  const opIds = (inRedis?.journal ?? []).map((operation) => operation.opId);
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
    merged: row!.mergedInto !== undefined,
    has: (opId) => row!.known.has(opId),
  };
}
