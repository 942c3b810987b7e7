// Many shoppers at once for a while, and what the shop's answers looked like over time.
import { setTimeout as delay } from 'node:timers/promises';
import type { Attempt } from './ledger.ts';
import type { SeededRandom } from './seeded-random.ts';
import { Shopper } from './shopper.ts';
import { readVariants } from './variants.ts';

export interface LoadOptions {
  url: string;
  shoppers: number;
  random: SeededRandom;
  send?: typeof fetch;
  /** Between two things that a shopper does, at most. */
  thinkMs: number;
}

export interface Load {
  shoppers: Shopper[];
  /** Milliseconds since the load began. */
  now(): number;
  /** Lets every shopper finish what it is doing. */
  stop(): Promise<void>;
}

const variantsAShopper = 8;

export async function startLoad({ url, shoppers, random, send, thinkMs }: LoadOptions): Promise<Load> {
  const variants = (await readVariants(url, 40)).map(({ id }) => id);
  const began = performance.now();
  const now = () => performance.now() - began;
  const stopping = new AbortController();
  const crowd = Array.from({ length: shoppers }, (_, number) => {
    const own = random.fork(`shopper ${number}`);
    const wanted = Array.from({ length: variantsAShopper }, () => own.pick(variants));
    return new Shopper({ url, random: own, variants: [...new Set(wanted)], now, ...(send ? { send } : {}) });
  });
  const running = crowd.map(async (shopper) => {
    const pace = random.fork(`pace of ${crowd.indexOf(shopper)}`);
    while (!stopping.signal.aborted) {
      await shopper.act(stopping.signal);
      await delay(pace.integer(0, thinkMs));
    }
  });
  return {
    shoppers: crowd,
    now,
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

export function allAttempts(shoppers: Shopper[]): Attempt[] {
  return shoppers.flatMap((shopper) => shopper.operations.flatMap((operation) => operation.attempts));
}
