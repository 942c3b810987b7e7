// Held operations: what this origin acknowledged from the journal and has not seen committed. It keeps them in memory,
// bounded in number and bytes, so that an emptied Redis loses nothing.
import { Gauge, type Registry } from 'prom-client';
import { unavailable } from '../../errors.ts';
import type { JournalledOperation } from '../decide-batch.ts';
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

export interface HeldBounds {
  operations: number;
  bytes: number;
}

/** Ten thousand operations take about 5 MB. One origin acknowledges as many in a minute at 160 a second. */
export const heldBounds: HeldBounds = { operations: 10_000, bytes: 16 * 1024 * 1024 };

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
