// Reads each cart through every origin after the fault has healed and compares it with the shopper's ledger.
import { setTimeout as delay } from 'node:timers/promises';
import { compareCart, describeDifference } from './ledger.ts';
import type { Shopper } from './shopper.ts';
import type { Judgement, Tally } from './tally.ts';

/** What is judged; a shopper's ledger and a way to read the cart. */
export type Judged = Pick<Shopper, 'expected' | 'readCart'>;

const cartsAtOnce = 8;

export interface WhereToRead {
  /** Each origin's own address, or the balancer's alone where carts live in one origin's memory. */
  urls: string[];
  /**
   * How long a cart that the shop itself calls incomplete is asked for again; 0: what it shows is all that there is.
   */
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

/** The worst of what the origins show. */
export async function judgeCart(shopper: Judged, { urls, patienceMs }: WhereToRead): Promise<Judgement> {
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
  shopper: Judged,
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
