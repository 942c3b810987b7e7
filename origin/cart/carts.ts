// Defines the interface that the three cart states (`server`, `cookie`, `sticky`) implement.
// They differ in the faults that they survive.
import type { Tx } from '../schema.ts';
import type { Cart } from './cart.ts';
import type { CartLine } from './cart-contents.ts';

/** The visitor, as the request's cookies and session tell. */
export interface CartRequest {
  cookieHeader: string | undefined;
  accountId?: string | undefined;
}

export interface CartOperation {
  /** The idempotency key. */
  opId: string;
  kind: 'add' | 'set';
  variantId: string;
  /** 1 to 99; 0 only where `set` removes the line. */
  quantity: number;
  /** Hash of method, path and body. The same op id with another fingerprint is refused. */
  fingerprint: string;
}

export interface CartAnswer {
  cart: Cart;
  setCookies: string[];
}

export interface Carts {
  /** @throws Refusal 503 where neither store answers */
  view(request: CartRequest): Promise<CartAnswer>;
  /**
   * @throws Refusal 404, 409, 422 where the operation is impossible; 503 where the same op id must be sent again,
   * which is safe
   */
  write(request: CartRequest, operation: CartOperation): Promise<CartAnswer>;
  /**
   * Names the scope of idempotency keys: the account, or the cart that the cookies name; undefined where they name
   * none.
   */
  scope(request: CartRequest): string | undefined;
  /**
   * Called before BEGIN of a sign-in (with the account's id) or a sign-up (without). `merge.mergeInto(tx, accountId)`
   * follows in the transaction that creates the session. After COMMIT, `merge.afterCommit()` returns the cookies to
   * set.
   * @throws Refusal 503 where the guest's journal cannot be read; acknowledged pieces would stay behind
   */
  prepareMerge(request: CartRequest, accountId: string | undefined): Promise<CartMerge>;
  /** Called after the session has ended. The cart stays with the account. @returns the cookies to set */
  leaveWithAccount(request: CartRequest): Promise<string[]>;
  /**
   * Called before BEGIN of an order. `freeze` and `endGeneration` follow in its transaction. After COMMIT,
   * `checkout.afterCommit()` returns the cookies to set.
   * @throws Refusal 503 where Postgres cannot be read, or a journal that the cookie names
   */
  prepareCheckout(request: CartRequest): Promise<CartCheckout>;
  close(): Promise<void>;
}

/**
 * Merges the guest's pieces into the account's cart. It is made before BEGIN, because Redis must not be called inside
 * a transaction.
 */
export interface CartMerge {
  /** Called in the transaction of sign-in or sign-up. May be called again if the transaction is tried again. */
  mergeInto(tx: Tx, accountId: string): Promise<void>;
  /** Called after COMMIT: updates the copies. @returns the cookies to set. Never throws. */
  afterCommit(): Promise<string[]>;
  /**
   * Called instead if an earlier request with the same key has signed in. Its answer may not have arrived.
   * @returns the cookies to set. Never throws.
   */
  catchUp(accountId: string): Promise<string[]>;
}

/** An order counts as an operation of its cart, under its own key. */
export type OrderKey = Pick<CartOperation, 'opId' | 'fingerprint'>;

/** Turns a cart into an order. It is made before BEGIN, because Redis must not be called inside a transaction. */
export interface CartCheckout {
  /**
   * Locks the cart until the transaction ends, and applies its journal. This lock must be taken before those of
   * variants and products.
   * @returns the cart's lines, which may be empty; `checkOrderable` checks them
   * @throws Refusal 422 where the order's key belongs to an operation of this cart
   */
  freeze(tx: Tx, order: OrderKey): Promise<CartLine[]>;
  /**
   * Empties the cart, ends its generation and records the order's key. Must follow `freeze` in the same transaction.
   */
  endGeneration(tx: Tx): Promise<void>;
  /** Called after COMMIT: updates the copies. @returns the cookies to set. Never throws. */
  afterCommit(): Promise<string[]>;
  /**
   * Called instead if an earlier request with the same key has placed the order. Its answer may not have arrived, or
   * its process may have died.
   * @param lines lines of the order. @returns the cookies to set. Never throws.
   */
  catchUp(order: OrderKey, lines: CartLine[]): Promise<string[]>;
}
