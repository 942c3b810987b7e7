// What a drill must know of the catalog before it begins, asked with patience: a shop that has just been started may refuse at first, as
// nothing is in its caches. That it did is told.
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
