// Finds the cart that a request names, and reads it.
// It reads the newest stored contents at hand, plus the journalled operations that they lack.
import { unavailable } from '../../errors.ts';
import { ensureAccountCart } from '../account-cart.ts';
import { type CartContents, emptyCart } from '../cart-contents.ts';
import { type Awaits, awaitsOf, type CartCookie, makeCartId, readCartCookie } from '../cart-cookie.ts';
import type { CartRequest } from '../carts.ts';
import { replayJournal } from '../decide-batch.ts';
import { readCartRows } from './cart-statements.ts';
import { PostgresSilent } from './cart-writer.ts';
import { readWholeJournal, type WholeJournal } from './held-operations.ts';
import { fillCopy } from './publish-copies.ts';
import type { ServerStores } from './server-stores.ts';

interface SeenCart {
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

/** The cart that a request names by its cookie or its account. Another account's cookie counts as absent. */
export interface NamedCart extends CartCookie {
  /** The cookie that the browser sent. It tells whether a new one is needed. */
  received: CartCookie | undefined;
}

/** @returns the guest's or account's cart by the cookie alone; undefined where the cookie does not name it */
export function nameByCookie(keys: string[], request: CartRequest): NamedCart | undefined {
  const received = readCartCookie(keys, request.cookieHeader);
  if (received === undefined || received.accountId !== request.accountId) return undefined;
  return { ...received, received };
}

export function newGuestCart(received?: CartCookie): NamedCart {
  return { cartId: makeCartId(), version: 0, journalled: false, received };
}

/** Reads a guest's cookie in a signed-in browser. Its response crossed the sign-in on its way. */
export function readUnmergedGuestCookie(keys: string[], request: CartRequest): CartCookie | undefined {
  if (request.accountId === undefined) return undefined;
  const received = readCartCookie(keys, request.cookieHeader);
  return received?.accountId === undefined ? received : undefined;
}

/**
 * Tells whether the account still has the cart that its cookie names. After a restore it may be gone, and another
 * device may have created a new one. Postgres is asked once for each cart, and only after a restore.
 */
export async function isStillTheirs(
  stores: ServerStores,
  { cartId, accountId }: NamedCart,
): Promise<boolean> {
  const lineage = stores.deps.lineage.known()?.keyPart ?? '';
  if (lineage === '' || stores.theirs.get(cartId) === lineage) return true;
  const rows = await readCartRows(stores.read, [{ cartId, scope: cartId, opIds: [] }]).catch(() => undefined);
  // While Postgres is away, no new cart can be created for the account.
  if (rows === undefined) return true;
  const isTheirs = rows[0]!.accountId === accountId;
  if (isTheirs) stores.theirs.set(cartId, lineage);
  return isTheirs;
}

/** @throws Refusal 503 where Postgres does not answer */
export async function nameByAccount(stores: ServerStores, accountId: string): Promise<NamedCart> {
  try {
    const cartId = await stores.deps.db.transaction().execute((tx) => ensureAccountCart(tx, accountId));
    return { cartId, version: 0, journalled: false, accountId, received: undefined };
  } catch (error) {
    throw unavailable('The cart of this account cannot be found at this moment; try again', error);
  }
}
