// Totals over all judged carts, and the history of the cart with the greatest loss.
import { type Attempt, type Difference, describeHistory } from './ledger.ts';
import type { Shopper } from './shopper.ts';

/** `found`: where and how the cart differs from the ledger, for people. */
export type Judgement = (Difference & { found: string[] }) | 'unreadable';

export class Tally {
  carts = 0;
  /** Carts that lack pieces. */
  cartsLost = 0;
  lost = 0;
  duplicated = 0;
  acknowledged = 0;
  /** Operations that never came to an answer. */
  open = 0;
  /** Carts that could not be read. */
  unreadable = 0;
  /** Answers that lacked what their shopper had written before. */
  forgetful = 0;
  /** The drill could not go on. */
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
