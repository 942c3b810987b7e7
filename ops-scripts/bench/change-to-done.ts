// `change-to-done`: from the commit of a price until neither origin nor edge shows the older one any more.
import { listProducts } from './catalog-addresses.ts';
import type { BenchResult } from './result.ts';
import type { BenchShop } from './shop.ts';

const changes = 200;
const allowedMs = 100;

export async function benchChangeToDone(shop: BenchShop): Promise<BenchResult> {
  const cookie = await signIn(shop);
  const products = await listProducts(shop.url, 50);
  const took: number[] = [];
  for (let change = 0; change < changes; change++) {
    const { id } = products[change % products.length]!;
    took.push(await changePrice(shop.url, cookie, id, 1_000 + change));
  }
  const sorted = took.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)]!;
  return {
    bench: 'change-to-done',
    measured: `ms from commit to done, the 99th of 100, ${changes} prices changed one after another`,
    against: 'the time allowed in ms; half of it is waited on purpose, until no memory is trusted any more',
    ours: p99,
    theirs: allowedMs,
    ratio: p99 / allowedMs,
    aim: 1,
    lessIsBetter: true,
    notes: [`one origin and an edge; the median ${sorted[Math.floor(sorted.length / 2)]} ms`],
  };
}

async function signIn({ url, staff }: BenchShop): Promise<string> {
  const answer = await fetch(`${url}/api/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(staff),
  });
  if (!answer.ok) throw new Error(`Cannot measure changes as staff could not sign in: ${answer.status}`);
  return answer.headers
    .getSetCookie()
    .map((line) => line.slice(0, line.indexOf(';')))
    .join('; ');
}

/** @returns milliseconds from commit to done, by the shop's own record. */
async function changePrice(url: string, cookie: string, id: string, amount: number): Promise<number> {
  const answer = await fetch(`${url}/api/staff/products/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', prefer: 'wait=5', cookie },
    body: JSON.stringify({ price: { amount, currency: 'EUR' } }),
  });
  const { invalidation } = (await answer.json()) as {
    invalidation?: { state: string; committedAt: string; doneAt?: string };
  };
  if (invalidation?.doneAt === undefined) {
    throw new Error(`Cannot measure changes as one was not done within 5 s (${answer.status})`);
  }
  return Date.parse(invalidation.doneAt) - Date.parse(invalidation.committedAt);
}
