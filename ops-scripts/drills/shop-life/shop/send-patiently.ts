// Sends shoppers' requests, retries them while a part restarts, and records which outages the drill made.
import { setTimeout as delay } from 'node:timers/promises';
import type { Send } from '../browser/browser.ts';

/** After a store is back, clients find it only at their next connection. */
const graceMs = 4_000;

/** An outage that the drill made. A 503 with Retry-After is no fault during it. */
interface PlannedOutage {
  part: string;
  fromMs: number;
  /** Undefined while it lasts. */
  toMs?: number;
}

export class Outages {
  readonly all: PlannedOutage[] = [];

  async during<T>(part: string, work: () => Promise<T>): Promise<T> {
    const outage: PlannedOutage = { part, fromMs: Date.now() };
    this.all.push(outage);
    try {
      return await work();
    } finally {
      outage.toMs = Date.now();
    }
  }

  /** @returns the number of the store outage at that moment */
  ofStore(atMs: number): number | undefined {
    const at = this.all.findIndex(
      ({ part, fromMs, toMs = Number.POSITIVE_INFINITY }) =>
        (part === 'postgres' || part === 'redis') && fromMs <= atMs && atMs <= toMs + graceMs,
    );
    return at === -1 ? undefined : at;
  }

  /** Whether one of the parts was away at some moment between the two. */
  overlap(fromMs: number, toMs: number, parts?: string[]): boolean {
    return this.all.some(
      (outage) =>
        (parts === undefined || parts.includes(outage.part)) &&
        outage.fromMs <= toMs &&
        (outage.toMs ?? Number.POSITIVE_INFINITY) + graceMs >= fromMs,
    );
  }
}

export interface AnswerCounts {
  /** Answers by status. */
  counts: Record<number, number>;
  /** How often a request was repeated while a part was away. */
  askedAgain: number;
  /** Answers that no shop may give: the request and the answer. */
  faults: string[];
}

const requestMs = 30_000;
const patienceMs = 60_000;
const againMs = 250;

/** @param ask replaces fetch, such as by a shop that answers wrongly */
export function createSend(answers: AnswerCounts, outages: Outages, ask: () => typeof fetch): Send {
  return async (url, request) => {
    const until = performance.now() + patienceMs;
    for (;;) {
      const fromMs = Date.now();
      const answer = await ask()(url, { ...request, signal: AbortSignal.timeout(requestMs) }).catch(
        (error: unknown) => error as Error,
      );
      const away = outages.overlap(fromMs, Date.now());
      const asksToWait =
        answer instanceof Response && answer.status === 503 && answer.headers.has('retry-after');
      if (away && performance.now() < until && (answer instanceof Error || asksToWait)) {
        answers.askedAgain += 1;
        if (answer instanceof Response) await answer.arrayBuffer();
        await delay(againMs);
        continue;
      }
      const what = `${request.method ?? 'GET'} ${new URL(url).pathname}`;
      if (answer instanceof Error) {
        answers.faults.push(
          `${what} was not answered: ${(answer.cause as Error | undefined)?.message ?? answer.message}`,
        );
        throw answer;
      }
      answers.counts[answer.status] = (answers.counts[answer.status] ?? 0) + 1;
      if (answer.status >= 500) answers.faults.push(`${what} was answered ${answer.status}`);
      return answer;
    }
  };
}
