// Reads every cart through every origin once the fault has healed, and holds it against the shoppers' books.
import { setTimeout as delay } from 'node:timers/promises';
import { compareCart, type Difference } from './ledger.ts';
import type { Shopper } from './shopper.ts';

export interface Verdict extends Difference {
  /** What went wrong in the worst cart, operation by operation. */
  history: string[];
  /** Reads that did not come to an answer. */
  unreadable: number;
}

const settleMs = 60_000;

/** @param urls each origin's own address, or the balancer's alone where carts live in one origin's memory */
export async function judge(shoppers: Shopper[], urls: string[]): Promise<Verdict> {
  const verdict: Verdict = { lost: 0, duplicated: 0, history: [], unreadable: 0 };
  let worst = 0;
  for (const shopper of shoppers) {
    const difference = await judgeShopper(shopper, urls);
    if (difference === 'unreadable') {
      verdict.unreadable += 1;
      continue;
    }
    verdict.lost += difference.lost;
    verdict.duplicated += difference.duplicated;
    if (difference.lost + difference.duplicated > worst) {
      worst = difference.lost + difference.duplicated;
      verdict.history = describeHistory(shopper);
    }
  }
  return verdict;
}

async function judgeShopper(shopper: Shopper, urls: string[]): Promise<Difference | 'unreadable'> {
  const differences: Difference[] = [];
  for (const url of urls) {
    const pieces = await readSettled(shopper, url);
    if (pieces === undefined) return 'unreadable';
    differences.push(compareCart(shopper.expected, pieces));
  }
  return differences.reduce((worst, next) =>
    next.lost + next.duplicated > worst.lost + worst.duplicated ? next : worst,
  );
}

/** A cart that the shop itself calls incomplete is asked for again until it is whole. */
async function readSettled(shopper: Shopper, url: string): Promise<Map<string, number> | undefined> {
  const until = performance.now() + settleMs;
  while (performance.now() < until) {
    const cart = await shopper.readCart(url).catch(() => undefined);
    if (cart !== undefined && !cart.incomplete) return cart.pieces;
    await delay(250);
  }
  return undefined;
}

function describeHistory(shopper: Shopper): string[] {
  return shopper.operations.map(({ kind, variantId, quantity, key, outcome, attempts }) => {
    const answers = attempts.map(
      ({ atMs, status, durability, servedBy }) =>
        `${(atMs / 1_000).toFixed(2)} s ${status || 'no answer'}${durability ? ` ${durability}` : ''}${servedBy ? ` by ${servedBy}` : ''}`,
    );
    return `${kind} ${quantity} of ${variantId} [${key}] ${outcome}: ${answers.join(', then ')}`;
  });
}
