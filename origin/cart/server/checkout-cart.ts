// Checkout of state `server`: locks the cart, applies its journal and ends its generation, inside the order's
// transaction.
import { reusedKey } from '../../web/api/idempotency.ts';
import type { CartContents } from '../cart-contents.ts';
import { awaitsOf, writeCartCookies } from '../cart-cookie.ts';
import type { CartCheckout, OrderKey } from '../carts.ts';
import { decideCart, type JournalledOperation } from '../decide-batch.ts';
import type { CopyUpdate } from './cart-copies.ts';
import { readCartRows } from './cart-statements.ts';
import { PostgresSilent } from './cart-writer.ts';
import { lockCart, storeCart } from './locked-cart.ts';
import type { NamedCart } from './named-cart.ts';
import { fillCopy, publishCommit } from './publish-copies.ts';
import type { ServerStores } from './server-stores.ts';
import { piecesUnread, readWholeJournal, refuseWhileLacking } from './whole-journal.ts';

/** @throws Refusal 503 where the cookie speaks of a journal and Redis does not answer. */
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
      // Ordered already, by a request that did not live to tell the copy: the shopper must not be shown it for ever.
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

/** @param left what the journal still holds; undefined where Redis is silent, and whatever the mark said still holds */
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
