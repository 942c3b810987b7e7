// Checkout and sign-in in state `server`: each locks its carts and applies their journals in its own transaction.

import type { Tx } from '../../schema.ts';
import { reusedKey } from '../../web/api/idempotency.ts';
import { ensureAccountCart, findAccountCart } from '../account-cart.ts';
import { addAllLines, type CartContents } from '../cart-contents.ts';
import { awaitsOf, type CartCookie, writeCartCookies } from '../cart-cookie.ts';
import type { CartCheckout, CartMerge, OrderKey } from '../carts.ts';
import { decideCart, type JournalledOperation } from '../decide-batch.ts';
import type { CopyUpdate } from './cart-copies.ts';
import { readCartRows } from './cart-statements.ts';
import { PostgresSilent } from './cart-writer.ts';
import { piecesUnread, readWholeJournal, refuseWhileLacking } from './held-operations.ts';
import { lockCart, storeCart, storeMergedGuest } from './locked-cart.ts';
import { fillCopy, publishCommit } from './publish-copies.ts';
import type { ServerStores } from './server-stores.ts';
import type { NamedCart } from './view-cart.ts';

/**
 * Checkout of state `server`: locks the cart, applies its journal and ends its generation, in the order's
 * transaction.
 * @throws Refusal 503 where the cookie says that a journal exists and Redis does not answer
 */
export async function prepareCartCheckout(stores: ServerStores, cart: NamedCart): Promise<CartCheckout> {
  const whole = await readWholeJournal(stores, cart);
  const { journal } = whole;
  await refuseWhileLacking(stores.read, cart.cartId, whole).catch((error: unknown) => {
    throw error instanceof PostgresSilent ? piecesUnread(error) : error;
  });
  let frozen: { update: CopyUpdate; order: OrderKey } | undefined;

  return {
    async freeze(tx, order) {
      const row = await lockCart(tx, cart.cartId, [...journal.map(({ opId }) => opId), order.opId]);
      const isTheirs = row.mergedInto === undefined && row.accountId === cart.accountId;
      if (!isTheirs) return [];
      const decision = decideCart(row.contents, row.known, journal, []);
      const isReused = row.known.has(order.opId) || decision.recorded.some(({ opId }) => opId === order.opId);
      if (isReused) throw reusedKey();
      // An earlier request ordered the cart and died before it updated the copy. The copy is filled, or the shopper
      // would go on seeing the ordered lines.
      if (decision.contents.lines.length === 0)
        void fillCopy(stores.copies, stores.read, cart.cartId).catch(() => undefined);
      if (decision.changed) await storeCart(tx, cart.cartId, decision.contents, decision.recorded);
      const update = {
        cartId: cart.cartId,
        cart: { contents: decision.contents, merged: false },
        versionBefore: row.contents.version,
        operations: [order, ...decision.recorded.toReversed()],
        drained: decision.drained,
      };
      frozen = { update, order };
      return decision.contents.lines;
    },
    async endGeneration(tx) {
      if (frozen === undefined) throw new Error('Cannot end a generation as its cart was not frozen');
      const { update, order } = frozen;
      const { contents } = update.cart;
      const next: CartContents = {
        version: contents.version + 1,
        generation: contents.generation + 1,
        lines: [],
        directSets: {},
      };
      await storeCart(tx, cart.cartId, next, [order]);
      frozen.update = { ...update, cart: { contents: next, merged: false } };
    },
    async afterCommit() {
      if (frozen === undefined) return [];
      const { update } = frozen;
      const left = await publishCommit(stores, [update]);
      return cookiesOf(stores, cart, update.cart.contents.version, left?.get(cart.cartId));
    },
    catchUp: () => catchUp(stores, cart).catch(() => []),
  };
}

async function catchUp(stores: ServerStores, cart: NamedCart): Promise<string[]> {
  const asked = { cartId: cart.cartId, scope: cart.cartId, opIds: [] };
  const [row] = await readCartRows(stores.read, [asked]);
  if (!row!.exists || row!.mergedInto !== undefined || row!.accountId !== cart.accountId) return [];
  const left = await fillCopy(stores.copies, stores.read, cart.cartId);
  return cookiesOf(stores, cart, row!.contents.version, left);
}

/** @param left what the journal still holds; undefined where Redis is silent, and the cookie's own mark then stays */
function cookiesOf(
  { deps }: ServerStores,
  { cartId, accountId, ...before }: NamedCart,
  version: number,
  left: JournalledOperation[] | undefined,
): string[] {
  const cookie = {
    cartId,
    version: Math.max(version, before.version),
    journalled: left === undefined ? before.journalled : left.length > 0,
    awaits: left === undefined ? before.awaits : awaitsOf(left),
    accountId,
  };
  return writeCartCookies(deps.settings.cookieKeys, cookie, before.received);
}

/**
 * Sign-in in state `server`: adds the guest's cart to the account's cart once, in one transaction that also
 * applies both journals.
 * @throws Refusal 503 where the guest's cookie says that a journal exists and it cannot be read
 */
export async function prepareCartMerge(
  stores: ServerStores,
  guest: CartCookie | undefined,
  accountId: string | undefined,
): Promise<CartMerge> {
  const accountCartId =
    accountId === undefined ? undefined : await findAccountCart(stores.deps.db, accountId);
  const [guestJournal, accountJournal] = await Promise.all([
    readJournal(stores, guest),
    readJournal(
      stores,
      accountCartId === undefined ? undefined : { cartId: accountCartId, journalled: false },
    ),
  ]);
  let merged: { updates: CopyUpdate[]; cookie: CartCookie } | undefined;
  return {
    async mergeInto(tx, owner) {
      const into = await ensureAccountCart(tx, owner);
      const journal = into === accountCartId ? accountJournal : [];
      const updates = await mergeLocked(tx, {
        guestCartId: guest?.cartId,
        guestJournal,
        accountCartId: into,
        accountJournal: journal,
      });
      const { version } = updates[0]!.cart.contents;
      merged = { updates, cookie: { cartId: into, version, journalled: false, accountId: owner } };
    },
    async afterCommit() {
      if (merged === undefined) return [];
      const { updates, cookie } = merged;
      const left = (await publishCommit(stores, updates))?.get(cookie.cartId) ?? [];
      const told = { ...cookie, journalled: left.length > 0, awaits: awaitsOf(left) };
      return writeCartCookies(stores.deps.settings.cookieKeys, told, guest);
    },
    // The next request with the session finds the account's cart by itself.
    catchUp: async () => [],
  };
}

async function readJournal(
  stores: ServerStores,
  cart: Pick<CartCookie, 'cartId' | 'journalled'> | undefined,
): Promise<JournalledOperation[]> {
  if (cart === undefined) return [];
  const whole = await readWholeJournal(stores, cart);
  await refuseWhileLacking(stores.read, cart.cartId, whole).catch((error: unknown) => {
    throw error instanceof PostgresSilent ? piecesUnread(error) : error;
  });
  return whole.journal;
}

interface CartsToMerge {
  /** Undefined where the browser brings no cart. */
  guestCartId: string | undefined;
  guestJournal: JournalledOperation[];
  accountCartId: string;
  accountJournal: JournalledOperation[];
}

/** @returns what the copies must learn, the account's cart first */
async function mergeLocked(
  tx: Tx,
  { guestCartId, guestJournal, accountCartId, accountJournal }: CartsToMerge,
): Promise<CopyUpdate[]> {
  const journals = new Map([[accountCartId, accountJournal]]);
  if (guestCartId !== undefined) journals.set(guestCartId, guestJournal);
  const locked = new Map<string, Awaited<ReturnType<typeof lockCart>>>();
  // Carts are locked in order of id everywhere, so that transactions cannot deadlock.
  for (const cartId of [...journals.keys()].sort()) {
    const opIds = journals.get(cartId)!.map(({ opId }) => opId);
    locked.set(cartId, await lockCart(tx, cartId, opIds));
  }
  const account = locked.get(accountCartId)!;
  const own = decideCart(account.contents, account.known, accountJournal, []);
  const guest = guestCartId === undefined ? undefined : locked.get(guestCartId)!;
  // A cart that was merged before, or that belongs to an account, has no guest's pieces to add.
  const comes = guest !== undefined && guest.mergedInto === undefined && guest.accountId === undefined;
  const theirs = comes ? decideCart(guest.contents, guest.known, guestJournal, []) : undefined;

  const lines = addAllLines(own.contents.lines, theirs?.contents.lines ?? []);
  const changed = own.changed || (theirs?.contents.lines.length ?? 0) > 0;
  const contents: CartContents = {
    ...own.contents,
    version: changed ? account.contents.version + 1 : account.contents.version,
    lines,
  };
  if (changed) await storeCart(tx, accountCartId, contents, own.recorded);
  const updates: CopyUpdate[] = [
    {
      cartId: accountCartId,
      cart: { contents, merged: false },
      versionBefore: account.contents.version,
      operations: own.recorded.toReversed(),
      drained: own.drained,
    },
  ];
  if (theirs !== undefined) {
    const left: CartContents = {
      ...theirs.contents,
      version: guest!.contents.version + 1,
      lines: [],
      directSets: {},
    };
    await storeMergedGuest(tx, {
      cartId: guestCartId!,
      contents: left,
      into: accountCartId,
      recorded: theirs.recorded,
    });
    updates.push(mergedCopy(guestCartId!, left, theirs.drained));
  } else if (guest?.mergedInto !== undefined) {
    // An earlier sign-in merged it, and may have ended before it updated the copy.
    updates.push(mergedCopy(guestCartId!, guest.contents, []));
  }
  return updates;
}

function mergedCopy(cartId: string, contents: CartContents, drained: string[]): CopyUpdate {
  return { cartId, cart: { contents, merged: true }, versionBefore: 'full', operations: [], drained };
}
