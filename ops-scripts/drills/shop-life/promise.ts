// Checks an answer against the expected status or page; throws BrokenPromise with what came instead.
import type { ShopPage } from './browser/page.ts';

export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** @throws BrokenPromise with what the page says */
export function expectStatus(page: ShopPage, status: number): ShopPage {
  if (page.status === status) return page;
  throw new BrokenPromise(
    `${page.path} was answered ${page.status}, not ${status}: ${page.text.slice(0, 300)}`,
  );
}

/** @throws BrokenPromise with the answer's body */
export function expectAnswer<Body>(
  what: string,
  answer: { status: number; body: Body },
  ...statuses: number[]
): Body {
  if (statuses.includes(answer.status)) return answer.body;
  const told = JSON.stringify(answer.body)?.slice(0, 300);
  throw new BrokenPromise(`${what} was answered ${answer.status}, not ${statuses.join(' or ')}: ${told}`);
}

export function expectThat(isSo: boolean, sentence: string): void {
  if (!isSo) throw new BrokenPromise(sentence);
}
