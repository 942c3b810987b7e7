// The interface that the three cart states (`server`, `cookie`, `sticky`) implement. They differ in which faults they
// survive.
import type { Tx } from '../schema.ts';
import type { Cart } from './cart.ts';
import type { CartLine } from './cart-contents.ts';

/** Who asks, as the request's cookies say. */
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
  /** Of method, path and body: the same op id with another fingerprint is refused. */
  fingerprint: string;
}

export interface CartAnswer {
  cart: Cart;
  setCookies: string[];
}

export interface Carts {
  /** @throws Refusal 503 where neither store can tell. */
  view(request: CartRequest): Promise<CartAnswer>;
  /**
   * @throws Refusal 404, 409, 422 for what cannot be; 503 where trying again with the same op id is safe and needed.
   */
  write(request: CartRequest, operation: CartOperation): Promise<CartAnswer>;
  /** Names the scope of idempotency keys: the cart that the cookies name, undefined where they name none. */
  scope(request: CartRequest): string | undefined;
  /**
   * Before BEGIN of sign-in (with the account's id) or sign-up (without). Then `merge.mergeInto(tx, accountId)` inside
   * the transaction that makes the session, and after COMMIT `await merge.afterCommit()` for the cookies to set.
   * @throws Refusal 503 where the guest's journal cannot be read now: acknowledged pieces would stay behind.
   */
  prepareMerge(request: CartRequest, accountId: string | undefined): Promise<CartMerge>;
  /** After the session has ended. @returns the cookies to set: the cart stays with the account. */
  leaveWithAccount(request: CartRequest): Promise<string[]>;
  /**
   * Before BEGIN of an order. Then, in its transaction, `freeze` and `endGeneration`; after COMMIT
   * `await checkout.afterCommit()` for the cookies to set.
   * @throws Refusal 503 where Postgres, or a journal that the cookie speaks of, cannot be read now.
   */
  prepareCheckout(request: CartRequest): Promise<CartCheckout>;
  close(): Promise<void>;
}

/**
 * The guest's pieces on their way into the account's cart; made before BEGIN, because no Redis call may happen inside.
 */
export interface CartMerge {
  /** Inside the transaction of sign-in or sign-up. May be called again if the transaction is tried again. */
  mergeInto(tx: Tx, accountId: string): Promise<void>;
  /** After COMMIT: brings the copies up to date. @returns the cookies to set. Never throws. */
  afterCommit(): Promise<string[]>;
  /**
   * Instead, where an earlier request had the same key and signed in already: its answer may not have arrived.
   * @returns the cookies to set. Never throws.
   */
  catchUp(accountId: string): Promise<string[]>;
}

/** An order among the operations of its cart: one key is one of them. */
export type OrderKey = Pick<CartOperation, 'opId' | 'fingerprint'>;

/** A cart on its way to becoming an order; made before BEGIN, because no Redis call may happen inside. */
export interface CartCheckout {
  /**
   * Locks the cart until the transaction ends and takes its journal along, so take this lock before those of variants
   * and products. @returns its lines, empty where the cart is; `checkOrderable` judges them.
   * @throws Refusal 422 where the order's key stands for an operation of this cart
   */
  freeze(tx: Tx, order: OrderKey): Promise<CartLine[]>;
  /**
   * Empties the cart, ends its generation and records the order's key. Only after `freeze`, in the same transaction.
   */
  endGeneration(tx: Tx): Promise<void>;
  /** After COMMIT: brings the copies up to date. @returns the cookies to set. Never throws. */
  afterCommit(): Promise<string[]>;
  /**
   * Instead, where an earlier request had the same key and placed the order: its answer may not have arrived, its
   * process may have died.
   * @param lines of the order. @returns the cookies to set. Never throws.
   */
  catchUp(order: OrderKey, lines: CartLine[]): Promise<string[]>;
}
