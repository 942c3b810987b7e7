// Keeps held operations: what this origin acknowledged from the journal and has not seen committed.
// They and the operations in Redis make up the whole journal of a cart.
import { Gauge, type Registry } from 'prom-client';
import { unavailable } from '../../errors.ts';
import type { Awaits } from '../cart-cookie.ts';
import { type JournalledOperation, joinJournals } from '../decide-batch.ts';
import type { CartCopies, CartInRedis } from './cart-copies.ts';
import { type RunSql, readCartRows } from './cart-statements.ts';
import type { JournalHome } from './copy-scripts.ts';
import type { Appended } from './journal.ts';

export interface HeldOperation {
  cartId: string;
  operation: JournalledOperation & { sequence: number };
  /** The journal's home when it last confirmed the operation. */
  home: JournalHome;
  /** Time by `performance.now()`. */
  sinceMs: number;
}

type Sized = Pick<JournalledOperation, 'opId' | 'fingerprint' | 'variantId' | 'follows'>;

export interface HeldOperations {
  /**
   * Reserves room before the journal is asked, so that no operation is acknowledged that cannot be held.
   * @returns a function that gives the room back
   * @throws Refusal 503 where number or bytes are at their bound
   */
  reserve(operation: Sized): () => void;
  /** Holds an operation that the journal confirmed. A second call with the same id updates its home. */
  hold(cartId: string, operation: JournalledOperation, appended: Appended): void;
  /** Forgets operations that Postgres has. */
  release(cartId: string, opIds: Iterable<string>): void;
  /** The held operations of one cart, in order. */
  of(cartId: string): HeldOperation[];
  /** The ids of the carts, the longest held first. */
  carts(): Iterable<string>;
  all(): HeldOperation[];
  count(): number;
  oldestAgeMs(): number;
}

interface HeldBounds {
  operations: number;
  bytes: number;
}

/** Ten thousand operations take about 5 MB. One origin acknowledges as many in a minute at 160 a second. */
const heldBounds: HeldBounds = { operations: 10_000, bytes: 16 * 1024 * 1024 };

/** What each operation takes besides its texts: map entries and objects. */
const overheadBytes = 300;

export function createHeldOperations({ operations, bytes }: HeldBounds = heldBounds): HeldOperations {
  const carts = new Map<string, Map<string, HeldOperation>>();
  let count = 0;
  let usedBytes = 0;
  let reserved = 0;
  let reservedBytes = 0;

  return {
    reserve(operation) {
      const size = bytesOf(operation);
      if (count + reserved >= operations || usedBytes + reservedBytes + size > bytes)
        throw unavailable('Too many cart writes wait for the database at this moment; try again');
      reserved += 1;
      reservedBytes += size;
      let given = true;
      return () => {
        if (!given) return;
        given = false;
        reserved -= 1;
        reservedBytes -= size;
      };
    },
    hold(cartId, operation, { sequence, madeOn, home }) {
      let cart = carts.get(cartId);
      if (cart === undefined) {
        cart = new Map();
        carts.set(cartId, cart);
      }
      const known = cart.get(operation.opId);
      if (known === undefined) {
        count += 1;
        usedBytes += bytesOf(operation);
      }
      const sinceMs = known?.sinceMs ?? performance.now();
      cart.set(operation.opId, { cartId, operation: { ...operation, sequence, madeOn }, home, sinceMs });
    },
    release(cartId, opIds) {
      const cart = carts.get(cartId);
      if (cart === undefined) return;
      for (const opId of opIds) {
        const held = cart.get(opId);
        if (held === undefined) continue;
        cart.delete(opId);
        count -= 1;
        usedBytes -= bytesOf(held.operation);
      }
      if (cart.size === 0) carts.delete(cartId);
    },
    of: (cartId) =>
      [...(carts.get(cartId)?.values() ?? [])].sort((a, b) => a.operation.sequence - b.operation.sequence),
    // A cart enters the map with its first operation, so the map is in order of age.
    carts: () => carts.keys(),
    all: () => [...carts.values()].flatMap((cart) => [...cart.values()]),
    count: () => count,
    oldestAgeMs() {
      let oldest = Number.POSITIVE_INFINITY;
      for (const cart of carts.values())
        for (const { sinceMs } of cart.values()) oldest = Math.min(oldest, sinceMs);
      return count === 0 ? 0 : performance.now() - oldest;
    },
  };
}

/** Counts only texts that are the same before and after the operation was held. */
function bytesOf({ opId, fingerprint, variantId, follows = [] }: Sized): number {
  const texts = [opId, fingerprint, variantId, ...follows];
  return overheadBytes + 2 * texts.reduce((sum, text) => sum + text.length, 0);
}

/** Registers the gauges once in a process. Only tests open several carts on one registry. */
export function measureHeld(registry: Registry, held: HeldOperations): void {
  if (registry.getSingleMetric('cart_held_operations') !== undefined) return;
  new Gauge({
    name: 'cart_held_operations',
    help: 'Cart operations that this origin acknowledged from the journal and has not seen committed',
    registers: [registry],
    collect() {
      this.set(held.count());
    },
  });
  new Gauge({
    name: 'cart_held_oldest_age_seconds',
    help: 'Age of the oldest held cart operation; 0 where none is held',
    registers: [registry],
    collect() {
      this.set(held.oldestAgeMs() / 1_000);
    },
  });
}

/**
 * The whole journal of a cart: what Redis has and what this origin holds, and whether other origins may still be
 * refilling an emptied Redis.
 */
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
