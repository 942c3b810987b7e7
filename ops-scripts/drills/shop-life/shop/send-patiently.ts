// Sends shoppers' requests and retries while a part restarts, as a person presses reload; counts every answer.
import { setTimeout as delay } from 'node:timers/promises';
import type { Send } from '../browser/browser.ts';
import type { Outages } from './outages.ts';

export interface Answers {
  /** By status. */
  counts: Record<number, number>;
  /** How often something was asked again while a part was away. */
  askedAgain: number;
  /** Those that no shop may give: what was asked, and what came. */
  faults: string[];
}

const requestMs = 30_000;
const patienceMs = 60_000;
const againMs = 250;

/** @param ask replaces fetch, such as by a shop that answers wrongly */
export function createSend(answers: Answers, outages: Outages, ask: () => typeof fetch): Send {
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
