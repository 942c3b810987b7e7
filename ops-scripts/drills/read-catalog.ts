// Reads the variants that a drill buys, with retries: a shop that has just started may answer 503 while caches are
// empty.
import { setTimeout as delay } from 'node:timers/promises';

const mostAttempts = 10;
const againMs = 200;

/** @throws where the shop goes on refusing, with the last refusal */
export async function readCatalog<Body>(url: string): Promise<Body> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (response.ok) return (await response.json()) as Body;
    const refusal = `Cannot read ${url} as it answered ${response.status}: ${(await response.text()).slice(0, 300)}`;
    if (attempt === mostAttempts) throw new Error(refusal);
    console.error(`${refusal}; trying again`);
    await delay(attempt * againMs);
  }
}
