// Implements cart state `sticky`, in which carts live in this origin's memory, bounded in number.
// The balancer keeps a shopper on one origin. A crash loses its carts.
import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Deps } from '../../deps.ts';
import { Refusal } from '../../errors.ts';
import { reusedKey } from '../../web/api/idempotency.ts';
import { orderOnce } from '../account-cart.ts';
import { showCart } from '../cart.ts';
import { addAllLines, type CartContents, type CartLine, emptyCart, subtractLines } from '../cart-contents.ts';
import {
  type CartCookie,
  dropCartCookie,
  makeCartId,
  readCartCookie,
  writeCartCookie,
} from '../cart-cookie.ts';
import type { CartAnswer, CartCheckout, CartMerge, CartRequest, Carts, OrderKey } from '../carts.ts';
import { checkOperation, refusalFor } from '../check-operation.ts';
import { decideCart } from '../decide-batch.ts';

interface Remembered {
  /** A random id of this cart object. Generations count from 1 again when a process creates the cart anew. */
  life: string;
  contents: CartContents;
  /** Fingerprints by op id, the oldest first, at most `maxOperationsOfCart`. */
  operations: Map<string, string>;
}

interface Memory {
  carts: LRUCache<string, Remembered>;
  cartsOfAccounts: LRUCache<string, string>;
}

const maxCarts = 20_000;
const maxOperationsOfCart = 500;
/** A bound for all carts together. A cart of ten lines with as many operations takes about 3 KB. */
const maxBytes = 48 * 1024 * 1024;
const bytesOfCart = 600;
const bytesOfLine = 120;
const bytesOfOperation = 180;

export function createStickyCarts(deps: Deps): Carts {
  const memory: Memory = {
    carts: new LRUCache({ max: maxCarts, maxSize: maxBytes, sizeCalculation: weigh }),
    cartsOfAccounts: new LRUCache({ max: maxCarts }),
  };
  const keys = deps.settings.cookieKeys;
  const name = (request: CartRequest) => nameCart(memory, keys, request);
  const answer = async (cookie: CartCookie, contents: CartContents): Promise<CartAnswer> => ({
    cart: await showCart(deps, {
      version: Math.max(contents.version, cookie.version),
      lines: contents.lines,
      durability: 'memory',
      incomplete: contents.version < cookie.version,
    }),
    setCookies: [writeCartCookie(keys, { ...cookie, version: Math.max(contents.version, cookie.version) })],
  });

  return {
    async view(request) {
      const cookie = name(request);
      if (cookie !== undefined) return answer(cookie, memory.carts.get(cookie.cartId)?.contents ?? emptyCart);
      return {
        cart: await showCart(deps, { version: 0, lines: [], durability: 'memory' }),
        setCookies: [],
      };
    },
    async write(request, operation) {
      const checked = await checkOperation(deps, operation);
      const cookie = name(request) ?? newCart(request.accountId);
      const remembered = recall(memory, cookie);
      const decision = decideCart(remembered.contents, remembered.operations, [], [checked]);
      const refusal = refusalFor(decision.outcomes[0]!, operation.variantId);
      if (refusal !== undefined) throw refusal;
      for (const operation of decision.recorded) note(remembered, operation);
      remembered.contents = decision.contents;
      memory.carts.set(cookie.cartId, remembered);
      if (cookie.accountId !== undefined) memory.cartsOfAccounts.set(cookie.accountId, cookie.cartId);
      return answer(cookie, remembered.contents);
    },
    scope(request) {
      if (request.accountId !== undefined) return `account:${request.accountId}`;
      const cookie = name(request);
      return cookie && `cart:${cookie.cartId}`;
    },
    prepareMerge: async (request) =>
      prepareStickyMerge(memory, keys, readCartCookie(keys, request.cookieHeader)),
    leaveWithAccount: async () => [dropCartCookie()],
    async prepareCheckout(request) {
      const cookie = name(request);
      if (cookie === undefined) throw new Refusal(409, 'cart-empty', 'The cart is empty');
      return prepareStickyCheckout(memory, keys, cookie);
    },
    close: async () => memory.carts.clear(),
  };
}

function prepareStickyMerge(memory: Memory, keys: string[], guest: CartCookie | undefined): CartMerge {
  let owner: string | undefined;
  return {
    async mergeInto(_tx, accountId) {
      owner = accountId;
    },
    async afterCommit() {
      if (owner === undefined) return [];
      const cookie = nameCart(memory, keys, { cookieHeader: undefined, accountId: owner }) ?? newCart(owner);
      const account = recall(memory, cookie);
      const theirs = guest?.accountId === undefined ? memory.carts.get(guest?.cartId ?? '') : undefined;
      if (theirs !== undefined) {
        const lines = addAllLines(account.contents.lines, theirs.contents.lines);
        account.contents = { ...account.contents, version: account.contents.version + 1, lines };
        memory.carts.delete(guest!.cartId);
      }
      memory.carts.set(cookie.cartId, account);
      memory.cartsOfAccounts.set(owner, cookie.cartId);
      return [writeCartCookie(keys, { ...cookie, version: account.contents.version })];
    },
    catchUp: async () => [],
  };
}

function prepareStickyCheckout(memory: Memory, keys: string[], cookie: CartCookie): CartCheckout {
  const { contents, life } = recall(memory, cookie);
  const frozen = contents.lines;
  const orderedGeneration = `generation ${contents.generation} of ${life}`;
  let key: OrderKey;
  let isOrdered = false;
  // Runs once for each key. Several requests may bear the same key.
  const endGeneration = (order: OrderKey, lines: CartLine[]) => {
    const remembered = recall(memory, cookie);
    if (!remembered.operations.has(order.opId)) {
      note(remembered, order);
      const { version, generation } = remembered.contents;
      // Pieces that were added while the order was written belong to the next generation.
      remembered.contents = {
        version: version + 1,
        generation: generation + 1,
        lines: subtractLines(remembered.contents.lines, lines),
        directSets: {},
      };
      memory.carts.set(cookie.cartId, remembered);
    }
    return [writeCartCookie(keys, { ...cookie, version: remembered.contents.version })];
  };
  return {
    async freeze(tx, order) {
      key = order;
      if (recall(memory, cookie).operations.has(key.opId)) throw reusedKey();
      if (frozen.length > 0) await orderOnce(tx, cookie.cartId, orderedGeneration, order);
      return frozen;
    },
    async endGeneration() {
      isOrdered = true;
    },
    async afterCommit() {
      return isOrdered ? endGeneration(key, frozen) : [];
    },
    catchUp: async (order, lines) => endGeneration(order, lines),
  };
}

function nameCart(memory: Memory, keys: string[], request: CartRequest): CartCookie | undefined {
  const cookie = readCartCookie(keys, request.cookieHeader);
  if (cookie !== undefined && cookie.accountId === request.accountId) return cookie;
  if (request.accountId === undefined) return undefined;
  const cartId = memory.cartsOfAccounts.get(request.accountId);
  return cartId === undefined
    ? undefined
    : { cartId, version: 0, journalled: false, accountId: request.accountId };
}

function newCart(accountId: string | undefined): CartCookie {
  return { cartId: makeCartId(), version: 0, journalled: false, accountId };
}

/** A cart that this process does not know starts empty, with the version that the browser has seen. */
function recall(memory: Memory, cookie: CartCookie): Remembered {
  return (
    memory.carts.get(cookie.cartId) ?? {
      life: randomUUID(),
      contents: { ...emptyCart, version: cookie.version },
      operations: new Map(),
    }
  );
}

function note({ operations }: Remembered, { opId, fingerprint }: OrderKey): void {
  operations.set(opId, fingerprint);
  if (operations.size > maxOperationsOfCart) operations.delete(operations.keys().next().value!);
}

function weigh({ contents, operations }: Remembered): number {
  return bytesOfCart + contents.lines.length * bytesOfLine + operations.size * bytesOfOperation;
}
