// Writes one cart operation: to Postgres while it answers, else to the journal, else 503.
// A retry with the same id is safe.
import type { CartContents } from '../cart-contents.ts';
import { type Awaits, awaitsOf } from '../cart-cookie.ts';
import { refusalFor, refusalOf, type WaitingOperation } from '../check-operation.ts';
import type { JournalledOperation } from '../decide-batch.ts';
import { type CommittedTask, PostgresSilent } from './cart-writer.ts';
import { mustWaitForOthers, readWholeJournal, refuseWhileLacking } from './held-operations.ts';
import type { Appended } from './journal.ts';
import type { ServerStores } from './server-stores.ts';
import { type NamedCart, viewCart } from './view-cart.ts';

export interface WrittenCart {
  contents: CartContents;
  /** The newest version that the browser now knows of. It exceeds that of the contents where an older copy was read. */
  version: number;
  durability: 'committed' | 'journal';
  /** Whether the journal may hold more than Postgres has. */
  journalled: boolean;
  awaits: Awaits | undefined;
  incomplete: boolean;
}

const commitWaitMs = 1_500;
/** Each round applies what came to the journal during the round before. */
const maxDrainRounds = 3;

/**
 * @returns undefined where the guest's cart was merged into an account's; its cookie then counts as absent
 * @throws Refusal 404, 409, 422 where the operation is impossible; 503 where it may not survive
 */
export async function writeCart(
  stores: ServerStores,
  cart: NamedCart,
  operation: WaitingOperation,
): Promise<WrittenCart | undefined> {
  const deadlineMs = performance.now() + commitWaitMs;
  if (stores.postgres.isAway()) return writeToJournal(stores, cart, operation);
  try {
    const journal = await readJournalToApply(stores, cart);
    const task = { cartId: cart.cartId, journal, waiting: [operation] };
    const written = await stores.writer.apply(task, deadlineMs);
    if (written.kind === 'merged') return undefined;
    const refusal = refusalFor(written.outcomes[0]!, operation.variantId);
    if (refusal !== undefined) throw refusal;
    return await applyRestOfJournal(stores, cart, written, deadlineMs);
  } catch (error) {
    if (error instanceof PostgresSilent) return writeToJournal(stores, cart, operation);
    throw error;
  }
}

/** The operation is committed. Applies what the journal still holds before the reply. */
async function applyRestOfJournal(
  stores: ServerStores,
  cart: NamedCart,
  first: Extract<CommittedTask, { kind: 'applied' }>,
  deadlineMs: number,
): Promise<WrittenCart> {
  let written = first;
  let left = await written.left;
  for (let round = 0; round < maxDrainRounds && left !== undefined && left.length > 0; round += 1) {
    const inRedis = await stores.copies.read(cart.cartId);
    const waits =
      inRedis && (await mustWaitForOthers(stores.read, cart.cartId, inRedis, left).catch(() => true));
    if (waits !== false) break;
    const task = { cartId: cart.cartId, journal: left, waiting: [] };
    const next = await stores.writer.apply(task, deadlineMs).catch(() => undefined);
    if (next?.kind !== 'applied') break;
    written = next;
    left = await written.left;
  }
  if (left !== undefined && left.length > 0) {
    const { version } = written.update.cart.contents;
    const seen = await viewCart(stores, { ...cart, version, journalled: true });
    return { ...seen, version: Math.max(version, seen.contents.version), durability: 'committed' };
  }
  return {
    contents: written.update.cart.contents,
    version: written.update.cart.contents.version,
    durability: 'committed',
    // Redis is silent, so the cookie's own mark stays.
    journalled: left === undefined && cart.journalled,
    awaits: left === undefined ? cart.awaits : undefined,
    incomplete: false,
  };
}

async function writeToJournal(
  stores: ServerStores,
  cart: NamedCart,
  operation: WaitingOperation,
): Promise<WrittenCart | undefined> {
  const before = await viewCart(stores, { ...cart, journalled: true });
  if (before.merged) return undefined;
  if (!before.has(operation.opId)) {
    const refused = refusalOf(before.contents.lines, operation);
    if (refused !== undefined) throw refusalFor(refused, operation.variantId);
  }
  const { outcome, version, sequence } = await journalAndHold(stores, cart, operation);
  if (outcome === 'reused') throw refusalFor('reused', operation.variantId);
  const seen = await viewCart(stores, { ...cart, version, journalled: true });
  return {
    contents: seen.contents,
    version: Math.max(version, seen.contents.version),
    durability: outcome === 'applied' ? 'committed' : 'journal',
    journalled: outcome === 'journalled' || seen.journalled,
    awaits: seen.has(operation.opId) ? seen.awaits : awaitsOf([{ opId: operation.opId, sequence }]),
    // A failover between append and view may have left a cart that lacks even this operation.
    incomplete: seen.incomplete || !seen.has(operation.opId),
  };
}

/** Appends to the journal. This origin then holds the operation too, until it sees the commit. */
async function journalAndHold(
  stores: ServerStores,
  { cartId, version: madeOn, awaits }: NamedCart,
  { blocked: _judged, ...change }: WaitingOperation,
): Promise<Appended> {
  const operation = { ...change, follows: awaits?.opIds };
  const giveBack = stores.held.reserve(operation);
  try {
    const after = awaits?.sequence ?? 0;
    const appended = await stores.journal.append({ cartId, operation, madeOn, after });
    if (appended.outcome === 'journalled') stores.held.hold(cartId, { ...operation, madeOn }, appended);
    return appended;
  } finally {
    giveBack();
  }
}

/**
 * Reads the journal that must be applied before this browser's operation.
 * @throws Refusal 503 where acknowledged pieces are missing from it at the moment
 */
async function readJournalToApply(stores: ServerStores, cart: NamedCart): Promise<JournalledOperation[]> {
  if (!cart.journalled && stores.held.of(cart.cartId).length === 0) return [];
  const whole = await readWholeJournal(stores, cart);
  await refuseWhileLacking(stores.read, cart.cartId, whole);
  return whole.journal;
}
