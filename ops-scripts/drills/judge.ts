// Reads each cart through every origin after the fault has healed, and compares it with the shopper's ledger.
// Sums the losses.

import { setTimeout as delay } from 'node:timers/promises';
import {
  type Attempt,
  compareCart,
  type Difference,
  describeDifference,
  describeHistory,
} from './cart-ledger.ts';
import type { Shopper } from './shopper.ts';

/** The differences of one cart. `found` says for people where and how the cart differs from the ledger. */
type Judgement = (Difference & { found: string[] }) | 'unreadable';

export class Tally {
  carts = 0;
  /** Carts with missing pieces. */
  cartsLost = 0;
  lost = 0;
  duplicated = 0;
  acknowledged = 0;
  /** Operations without a final answer. */
  open = 0;
  /** Carts that could not be read. */
  unreadable = 0;
  /** Answers that lacked the shopper's own earlier writes. */
  forgetful = 0;
  /** How often the drill could not go on. */
  brokenOff = 0;
  history: string[] = [];
  readonly #durabilities = new Map<string, number>();
  readonly #failedAttempts = new Map<string, number>();
  #worst = 0;

  enter(shopper: Shopper, judgement: Judgement): void {
    const { lost, duplicated, found } =
      judgement === 'unreadable' ? { lost: 0, duplicated: 0, found: ['The cart cannot be read'] } : judgement;
    const open = shopper.operations.filter(({ outcome }) => outcome === 'open').length;
    const unreadable = judgement === 'unreadable' ? 1 : 0;
    const forgetful = shopper.forgetfulAnswers.length;
    this.carts += 1;
    if (lost > 0) this.cartsLost += 1;
    this.lost += lost;
    this.duplicated += duplicated;
    this.open += open;
    this.unreadable += unreadable;
    this.forgetful += forgetful;
    for (const { outcome, attempts } of shopper.operations) {
      for (const attempt of attempts) if (hasFailed(attempt)) count(this.#failedAttempts, whoFailed(attempt));
      if (outcome !== 'acknowledged') continue;
      this.acknowledged += 1;
      count(this.#durabilities, attempts.at(-1)?.durability ?? 'unnamed');
    }
    const wrong = 1_000 * (lost + duplicated) + 10 * (unreadable + open) + forgetful;
    if (wrong <= this.#worst) return;
    this.#worst = wrong;
    const answers = shopper.forgetfulAnswers.slice(0, 20).map((answer) => `the answer to ${answer}`);
    this.history = [...describeHistory(shopper.operations), ...answers, ...found];
  }

  get errors(): number {
    return this.open + this.unreadable + this.forgetful + this.brokenOff;
  }

  describe(): string[] {
    return [
      ...(this.open > 0 ? [`${this.open} operations never came to an answer`] : []),
      ...(this.unreadable > 0 ? [`${this.unreadable} carts could not be read`] : []),
      ...(this.forgetful > 0 ? [`${this.forgetful} answers lacked earlier writes`] : []),
      `acknowledged as ${list(this.#durabilities) || 'nothing'}`,
      ...(this.#failedAttempts.size > 0 ? [`failed attempts: ${list(this.#failedAttempts)}`] : []),
    ];
  }
}

function hasFailed({ status }: Attempt): boolean {
  return status === 0 || status >= 500;
}

function whoFailed({ status, servedBy }: Attempt): string {
  if (status === 0) return 'no answer';
  return `${status} by ${servedBy ? 'an origin' : 'the balancer'}`;
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function list(counts: Map<string, number>): string {
  return [...counts].map(([what, times]) => `${what} ${times}`).join(', ');
}

/** A shopper's ledger and a way to read the cart. */
export type JudgedShopper = Pick<Shopper, 'expected' | 'readCart'>;

const cartsAtOnce = 8;

interface WhereToRead {
  /** Each origin's own address, or only the balancer's if carts live in one origin's memory. */
  urls: string[];
  /** How long to read again while the shop calls the cart incomplete. 0: the first answer counts. */
  patienceMs: number;
}

export async function judgeAll(shoppers: Shopper[], where: WhereToRead, tally: Tally): Promise<void> {
  const waiting = [...shoppers];
  const judgeNext = async () => {
    for (let shopper = waiting.pop(); shopper !== undefined; shopper = waiting.pop())
      tally.enter(shopper, await judgeCart(shopper, where));
  };
  await Promise.all(Array.from({ length: cartsAtOnce }, judgeNext));
}

/** Judges a cart by the worst answer of the origins. */
export async function judgeCart(
  shopper: JudgedShopper,
  { urls, patienceMs }: WhereToRead,
): Promise<Judgement> {
  const judgement = { lost: 0, duplicated: 0, found: [] as string[] };
  for (const url of urls) {
    const pieces = await readWhole(shopper, url, patienceMs);
    if (pieces === undefined) return 'unreadable';
    const { lost, duplicated } = compareCart(shopper.expected, pieces);
    judgement.lost = Math.max(judgement.lost, lost);
    judgement.duplicated = Math.max(judgement.duplicated, duplicated);
    for (const difference of describeDifference(shopper.expected, pieces))
      judgement.found.push(`read at ${new URL(url).host}: ${difference}`);
  }
  return judgement;
}

async function readWhole(
  shopper: JudgedShopper,
  url: string,
  patienceMs: number,
): Promise<Map<string, number> | undefined> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const cart = await shopper.readCart(url).catch(() => undefined);
    if (cart !== undefined && (!cart.incomplete || patienceMs === 0)) return cart.pieces;
    if (performance.now() > until) return undefined;
    await delay(250);
  }
}
