// Plays the customers of the drill `restore-from-backup`.
// Each remembers every acknowledged state, and finds the one that a restored shop shows.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from '../traffic/http-connection.ts';
import type { SeededRandom } from '../traffic/seeded-random.ts';

/** When the backup was made, by the clock of this process. */
export interface BackupMoment {
  beganAtMs: number;
  endedAtMs: number;
}

/** What a customer knows after each acknowledged write. */
export interface State {
  sentAtMs: number;
  acknowledgedAtMs: number;
  /** Whether Postgres had the write when it was acknowledged, and not only the journal. */
  isCommitted: boolean;
  /** Pieces of each variant. */
  cart: string;
  orders: Order[];
}

interface Order {
  id: string;
  lines: { variantId: string; quantity: number }[];
}

/** The time in which the backup was made, as far as one customer can tell. */
export interface Window {
  fromMs: number;
  toMs: number;
  /** Writes that were acknowledged before the backup began and are gone. */
  lost: number;
}

/** No answer, or an answer 5xx. */
export class Nobody extends Error {}

interface CustomerOptions {
  url: string;
  variants: string[];
  random: SeededRandom;
  at: number;
}

const requestMs = 10_000;
const pauseMs = 100;
const address = { name: 'R. Store', line1: '1 Way Back', city: 'Dublin', postalCode: 'D01', country: 'IE' };

export class DrillCustomer {
  /** The address of the shop. It changes after the machine was lost. */
  url: string;
  acknowledged = 0;
  /** Writes that were acknowledged after the backup. They are gone with the machine, as expected. */
  gone = 0;
  readonly #options: CustomerOptions;
  readonly #email: string;
  readonly #jar = new CookieJar();
  #states: State[] = [];

  constructor(options: CustomerOptions) {
    this.#options = options;
    this.url = options.url;
    this.#email = `restore-${options.at}-${randomUUID().slice(0, 8)}@myclothes.test`;
  }

  async signUp(): Promise<void> {
    const body = { email: this.#email, password: randomUUID(), name: 'R. Store' };
    const { status, sentAtMs } = await this.#ask('POST', '/api/accounts', body);
    if (status !== 201) throw new Error(`Cannot sign up: ${status}`);
    const acknowledgedAtMs = performance.now();
    this.#states = [{ sentAtMs, acknowledgedAtMs, isCommitted: true, cart: '', orders: [] }];
  }

  /** Pieces of each variant in the existing orders. */
  get ordered(): Map<string, number> {
    const pieces = new Map<string, number>();
    for (const { lines } of this.#states.at(-1)!.orders)
      for (const { variantId, quantity } of lines)
        pieces.set(variantId, (pieces.get(variantId) ?? 0) + quantity);
    return pieces;
  }

  /** Buys until `signal` is aborted, also while the shop is away. */
  async buyUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const deed = this.#options.random.next() < 0.7 ? 'add' : 'order';
      await this.act(deed).catch(async (error: unknown) => {
        if (!(error instanceof Nobody)) throw error;
      });
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns undefined once it is acknowledged, or why it was refused @throws Nobody */
  async act(deed: 'add' | 'order'): Promise<string | undefined> {
    const before = this.#states.at(-1)!;
    if (deed === 'order' && before.cart === '') return undefined;
    const { random, variants } = this.#options;
    const payment = { provider: 'demo', outcome: 'paid' };
    const { status, body, sentAtMs } =
      deed === 'add'
        ? await this.#ask('POST', '/api/cart/lines', { variantId: random.pick(variants), quantity: 1 })
        : await this.#ask('POST', '/api/orders', { email: this.#email, shippingAddress: address, payment });
    if (status >= 400) return `${deed} was answered ${status}`;
    const made = body as { durability?: string } & Order;
    this.acknowledged += 1;
    this.#states.push({
      sentAtMs,
      acknowledgedAtMs: performance.now(),
      isCommitted: made.durability !== 'journal',
      cart: deed === 'add' ? piecesOf(made.lines) : '',
      orders: deed === 'add' ? before.orders : [...before.orders, made],
    });
    return undefined;
  }

  /**
   * Continues from the state that a restored shop shows.
   * @returns the time of that state, or a sentence if this customer was never in such a state
   */
  async compare({ beganAtMs, endedAtMs }: BackupMoment): Promise<Window | string> {
    const cart = await this.#ask('GET', '/api/cart');
    const shown = piecesOf((cart.body as Order).lines);
    const known = this.#states.at(-1)!.orders;
    const answers = await inTurn(known, ({ id }) => this.#ask('GET', `/api/orders/${id}`));
    const standing = known.filter((_, at) => answers[at]!.status === 200);
    const found = findState(this.#states, { cart: shown, orders: standing }, { beganAtMs, endedAtMs });
    if (found.at !== -1) {
      this.gone += this.#states.length - 1 - found.at;
      this.#states = this.#states.slice(0, found.at + 1);
    }
    const told = `a cart of [${shown}] and ${standing.length} of ${known.length} orders`;
    return 'fault' in found ? `Customer ${this.#options.at} has ${told}, as ${found.fault}` : found.window;
  }

  async #ask(method: string, path: string, body?: object) {
    const sentAtMs = performance.now();
    try {
      const answer = await fetch(this.url + path, {
        method,
        headers: {
          'content-type': 'application/json',
          'idempotency-key': randomUUID(),
          cookie: this.#jar.header,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(requestMs),
      });
      this.#jar.keep(answer);
      const told = (await answer.json()) as unknown;
      if (answer.status >= 500) throw new Nobody(`${path} was answered ${answer.status}`);
      return { status: answer.status, body: told, sentAtMs };
    } catch (error) {
      throw error instanceof Nobody ? error : new Nobody(`${path} was not answered`, { cause: error });
    }
  }
}

type Found = { at: number } & ({ window: Window } | { fault: string });

/** @returns the newest state that equals the shown one, or a fault if no state before the backup does */
export function findState(
  states: State[],
  shown: Pick<State, 'cart' | 'orders'>,
  { beganAtMs, endedAtMs }: BackupMoment,
): Found {
  const at = states.findLastIndex(
    ({ cart, orders, sentAtMs }) =>
      cart === shown.cart &&
      orders.length === shown.orders.length &&
      orders.every(({ id }, place) => id === shown.orders[place]!.id) &&
      sentAtMs <= endedAtMs,
  );
  if (at === -1) return { at, fault: 'at no moment before the backup' };
  const least = states.findLastIndex(
    ({ acknowledgedAtMs, isCommitted }) => isCommitted && acknowledgedAtMs < beganAtMs,
  );
  const next = states[at + 1];
  const toMs = next?.isCommitted ? next.acknowledgedAtMs : Number.POSITIVE_INFINITY;
  return { at, window: { fromMs: states[at]!.sentAtMs, toMs, lost: Math.max(0, least - at) } };
}

/** A backup must be one moment of the whole shop. Checks that the times of all customers overlap. */
export function checkOneMoment(windows: Window[]): string[] {
  const latest = Math.max(...windows.map(({ fromMs }) => fromMs));
  const earliest = Math.min(...windows.map(({ toMs }) => toMs));
  if (latest <= earliest) return [];
  const apartMs = (latest - earliest).toFixed(0);
  return [
    `The backup is not one moment: one customer's write is there that began ${apartMs} ms after another's that is not`,
  ];
}

function piecesOf(lines: Order['lines']): string {
  return lines
    .map(({ variantId, quantity }) => `${variantId}×${quantity}`)
    .sort()
    .join(' ');
}

async function inTurn<Item, Answer>(items: Item[], ask: (item: Item) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const item of items) answers.push(await ask(item));
  return answers;
}
