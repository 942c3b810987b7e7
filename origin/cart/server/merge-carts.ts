// Sign-in in state `server`: adds the guest's cart to the account's cart once, in one transaction that also applies
// both journals.
import type { Tx } from '../../schema.ts';
import { ensureAccountCart, findAccountCart } from '../account-cart.ts';
import { addAllLines, type CartContents } from '../cart-contents.ts';
import { awaitsOf, type CartCookie, writeCartCookies } from '../cart-cookie.ts';
import type { CartMerge } from '../carts.ts';
import { decideCart, type JournalledOperation } from '../decide-batch.ts';
import type { CopyUpdate } from './cart-copies.ts';
import { PostgresSilent } from './cart-writer.ts';
import { lockCart, storeCart, storeMergedGuest } from './locked-cart.ts';
import { publishCommit } from './publish-copies.ts';
import type { ServerStores } from './server-stores.ts';
import { piecesUnread, readWholeJournal, refuseWhileLacking } from './whole-journal.ts';

/** @throws Refusal 503 where the guest's cookie says that a journal exists and it cannot be read */
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
