// One shopper over HTTP, who sends each cart operation again under its key until it is answered.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from '../traffic/http-connection.ts';
import type { SeededRandom } from '../traffic/seeded-random.ts';
import { describeDifference, type ExpectedCart, enter, type Operation } from './cart-ledger.ts';

interface ShopperOptions {
  /** The balancer's address. */
  url: string;
  variants: string[];
  random: SeededRandom;
  /** Replaces fetch, such as by one that cuts and doubles requests. */
  send?: typeof fetch;
  now: () => number;
  /** Called at the end of each attempt. @param status 0 if no answer came @param durability of an acknowledged write */
  tell: (status: number, durability?: string) => void;
}

interface CartSeen {
  pieces: Map<string, number>;
  incomplete: boolean;
  durability: string;
}

const requestMs = 5_000;
/** A shopper gives an operation up after this long without an answer. */
const patienceMs = 45_000;
const mostPieces = 80;

/** Does one operation at a time, and retries it with the same key until it is answered. */
export class Shopper {
  readonly operations: Operation[] = [];
  readonly expected: ExpectedCart = new Map();
  /** Answers to acknowledged writes that lacked this shopper's own earlier writes. */
  readonly forgetfulAnswers: string[] = [];
  readonly jar = new CookieJar();
  /** When the newest write was sent, if its answer was complete and needed no journal; else undefined. */
  settledAtMs: number | undefined;
  readonly #options: ShopperOptions;

  constructor(options: ShopperOptions) {
    this.#options = options;
  }

  async act(signal: AbortSignal): Promise<void> {
    const operation = this.#choose();
    this.operations.push(operation);
    const givenUpAt = performance.now() + patienceMs;
    let pauseMs = 50;
    while (performance.now() < givenUpAt) {
      const { attempt, cart } = await this.#try(operation);
      operation.attempts.push(attempt);
      this.#options.tell(attempt.status, cart?.durability);
      if (cart !== undefined) {
        operation.outcome = 'acknowledged';
        enter(this.expected, operation);
        this.#compare(operation, cart);
        this.settledAtMs = cart.incomplete || cart.durability === 'journal' ? undefined : attempt.atMs;
        return;
      }
      if (attempt.status >= 400 && attempt.status < 500) {
        operation.outcome = 'refused';
        return;
      }
      if (signal.aborted) pauseMs = 250;
      await delay(pauseMs);
      pauseMs = Math.min(pauseMs * 2, 500);
    }
    this.settledAtMs = undefined;
    enter(this.expected, operation);
  }

  /** @param url of the balancer or of one origin @throws if the cart cannot be read */
  async readCart(url = this.#options.url): Promise<CartSeen> {
    const response = await fetch(`${url}/api/cart`, {
      headers: { cookie: this.jar.header },
      signal: AbortSignal.timeout(requestMs),
    });
    if (!response.ok) throw new Error(`Cannot read a cart at ${url} as it answered ${response.status}`);
    return toSeen((await response.json()) as CartJson);
  }

  #choose(): Operation {
    const { random, variants } = this.#options;
    const variantId = random.pick(variants);
    const pieces = this.expected.get(variantId)?.most ?? 0;
    const kind = pieces >= mostPieces || random.next() < 0.15 ? 'set' : 'add';
    const quantity = kind === 'set' ? random.integer(1, 9) : random.integer(1, 3);
    return { key: randomUUID(), kind, variantId, quantity, attempts: [], outcome: 'open' };
  }

  async #try(operation: Operation): Promise<{ attempt: Operation['attempts'][number]; cart?: CartSeen }> {
    const { url, send = fetch, now } = this.#options;
    const { kind, variantId, quantity, key } = operation;
    const atMs = now();
    try {
      const response = await send(
        kind === 'add' ? `${url}/api/cart/lines` : `${url}/api/cart/lines/${variantId}`,
        {
          method: kind === 'add' ? 'POST' : 'PUT',
          headers: { 'content-type': 'application/json', 'idempotency-key': key, cookie: this.jar.header },
          body: JSON.stringify(kind === 'add' ? { variantId, quantity } : { quantity }),
          signal: AbortSignal.timeout(requestMs),
        },
      );
      const text = await response.text();
      const cart = response.ok ? toSeen(JSON.parse(text) as CartJson) : undefined;
      // A browser does not store the cookies of a broken answer either.
      this.jar.keep(response);
      const servedBy = response.headers.get('served-by') ?? undefined;
      return {
        attempt: { atMs, status: response.status, servedBy, durability: cart?.durability },
        ...(cart ? { cart } : {}),
      };
    } catch {
      return { attempt: { atMs, status: 0 } };
    }
  }

  #compare(operation: Operation, cart: CartSeen): void {
    if (cart.incomplete) return;
    for (const difference of describeDifference(this.expected, cart.pieces))
      this.forgetfulAnswers.push(`${operation.kind} [${operation.key}]: ${difference}`);
  }
}

interface CartJson {
  lines: { variantId: string; quantity: number }[];
  incomplete?: boolean;
  durability: string;
}

function toSeen(cart: CartJson): CartSeen {
  return {
    pieces: new Map(cart.lines.map((line) => [line.variantId, line.quantity])),
    incomplete: cart.incomplete === true,
    durability: cart.durability,
  };
}
