// Runs many shoppers at once. A shopper with enough operations leaves its cart to be judged and is replaced by a new
// one.
import { setTimeout as delay } from 'node:timers/promises';
import { readVariants } from '../traffic/read-catalog.ts';
import type { SeededRandom } from '../traffic/seeded-random.ts';
import { Shopper } from './shopper.ts';
import { Timeline } from './timeline.ts';

export interface LoadOptions {
  url: string;
  shoppers: number;
  random: SeededRandom;
  send?: typeof fetch;
  /** Between two things that a shopper does, at most. */
  thinkMs: number;
}

export interface ShopperLoad {
  timeline: Timeline;
  /** How many writes were acknowledged by the journal so far. */
  journalled(): number;
  /** Until every shopper has had a write acknowledged; gaps count from then on. */
  warm(): Promise<void>;
  /** Until each cart has had a write acknowledged that was begun after this call, is whole, and needed no journal. */
  settled(): Promise<void>;
  /** Those who left since the last call. */
  takeDeparted(): Shopper[];
  /** Lets every shopper finish what it is doing. @returns all who were not taken before. */
  stop(): Promise<Shopper[]>;
}

const variantsAShopper = 8;
const operationsAVisit = 300;
const settleMs = 180_000;

export async function startLoad({ url, shoppers, random, send, thinkMs }: LoadOptions): Promise<ShopperLoad> {
  const variants = (await readVariants(url, 40)).map(({ id }) => id);
  const began = performance.now();
  const now = () => performance.now() - began;
  const timeline = new Timeline(now);
  let journalled = 0;
  const stopping = new AbortController();
  const open = (name: string) => {
    const own = random.fork(name);
    const wanted = Array.from({ length: variantsAShopper }, () => own.pick(variants));
    return new Shopper({
      url,
      random: own,
      variants: [...new Set(wanted)],
      now,
      tell: (status, durability) => {
        timeline.tell(status);
        if (durability === 'journal') journalled += 1;
      },
      ...(send ? { send } : {}),
    });
  };
  const crowd = Array.from({ length: shoppers }, (_, place) => open(`shopper ${place}`));
  let departed: Shopper[] = [];

  const shopAt = async (place: number) => {
    const pace = random.fork(`pace of ${place}`);
    for (let visit = 1; ; ) {
      // First of all as well: a crowd does not come through the door at one moment.
      await delay(pace.integer(0, thinkMs), undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const shopper = crowd[place]!;
      await shopper.act(stopping.signal);
      // Never with pieces in the journal: whether those arrive is seen by the next write.
      if (shopper.operations.length >= operationsAVisit && shopper.settledAtMs !== undefined) {
        departed.push(shopper);
        crowd[place] = open(`shopper ${place}, visit ${visit++}`);
      }
    }
  };
  const running = crowd.map((_, place) => shopAt(place));

  const untilEach = async (what: string, holds: (shopper: Shopper) => boolean) => {
    const until = performance.now() + settleMs;
    const waitingFor = new Set(crowd.keys());
    while (waitingFor.size > 0) {
      for (const place of waitingFor) if (holds(crowd[place]!)) waitingFor.delete(place);
      if (performance.now() > until) throw new Error(`Cannot go on as ${waitingFor.size} ${what}`);
      await delay(20);
    }
  };

  return {
    timeline,
    journalled: () => journalled,
    async warm() {
      await untilEach('shoppers had no write acknowledged', ({ expected }) => expected.size > 0);
      timeline.begin();
    },
    settled() {
      const since = now();
      return untilEach(
        'carts had no write that needed no journal',
        ({ settledAtMs }) => settledAtMs! > since,
      );
    },
    takeDeparted() {
      const taken = departed;
      departed = [];
      return taken;
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
      return [...departed, ...crowd];
    },
  };
}
