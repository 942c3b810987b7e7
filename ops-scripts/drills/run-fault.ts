// Runs one fault while shoppers shop, waits until it has healed, then reads and judges every cart.
import { setTimeout as delay } from 'node:timers/promises';
import { readVariants } from '../traffic/read-catalog.ts';
import type { SeededRandom } from '../traffic/seeded-random.ts';
import type { DrillContext, DrillResult, Fault } from './drill.ts';
import { judgeAll, Tally } from './judge.ts';
import { Timeline } from './report.ts';
import { Shopper } from './shopper.ts';

const beforeMs = 3_000;
const readPatienceMs = 60_000;
const thinkMs = 40;

interface FaultRun {
  load: ShopperLoad;
  tally: Tally;
  notes: string[];
}

export async function runFault(name: string, fault: Fault, context: DrillContext): Promise<DrillResult> {
  return conclude(name, fault, context, await shopThrough(fault, context));
}

export async function shopThrough(fault: Fault, context: DrillContext): Promise<FaultRun> {
  const { region, size, short, random } = context;
  const load = await startLoad({
    url: region.storefront,
    shoppers: size.shoppers ?? (short ? 20 : 50),
    thinkMs: size.thinkMs ?? thinkMs,
    random: random.fork('shoppers'),
    ...(fault.send ? { send: fault.send(random.fork('network')) } : {}),
  });
  const tally = new Tally();
  const notes: string[] = [];
  const breakOff = (error: unknown) => {
    tally.brokenOff += 1;
    notes.push(`Broken off: ${error instanceof Error ? error.message : error}`);
  };
  const goThrough = async () => {
    await load.warm();
    await delay(size.seconds !== undefined ? size.seconds * 500 : short ? beforeMs / 2 : beforeMs);
    await fault.inflict({
      ...context,
      mark: (label) => load.timeline.mark(label),
      note: (sentence) => notes.push(sentence),
      journalled: load.journalled,
      calm: () => calmDown(context, load, tally),
    });
    await delay(size.seconds !== undefined ? size.seconds * 500 : afterMs(fault, short));
  };
  // After a failure, the carts are still judged, so that an hour of ledgers is not lost.
  await goThrough().catch(breakOff);
  const shoppers = await load.stop();
  await region.healed().catch(breakOff);
  await judgeAll(shoppers, whereToRead(context), tally);
  return { load, tally, notes };
}

function afterMs(fault: Fault, short: boolean): number {
  return (fault.afterSeconds ?? 6) * (short ? 500 : 1_000);
}

async function calmDown(context: DrillContext, load: ShopperLoad, tally: Tally): Promise<void> {
  const { region } = context;
  await region.healed();
  await region.rebuilt();
  await load.settled();
  await judgeAll(load.takeDeparted(), whereToRead(context), tally);
  load.timeline.heal();
  const { acknowledged, lost, duplicated, errors } = tally;
  context.progress(
    `${acknowledged} acknowledged and judged, ${lost} lost, ${duplicated} doubled, ${errors} errors`,
  );
}

/**
 * Carts in one origin's memory are read through the balancer, as their shoppers would. Other carts are read at every
 * origin.
 */
function whereToRead({ region, state }: DrillContext) {
  return state === 'sticky'
    ? { urls: [region.storefront], patienceMs: 0 }
    : { urls: region.origins().map(({ url }) => url), patienceMs: readPatienceMs };
}

export function conclude(
  name: string,
  fault: Fault,
  context: DrillContext,
  { load, tally, notes }: FaultRun,
): DrillResult {
  const { state, seed } = context;
  const { timeline } = load;
  const { acknowledged, lost, duplicated } = tally;
  const expectLoss = fault.loses?.(state) === true;
  // Every later answer repeats that a lost cart is gone, so such answers do not count as errors here.
  const errors = tally.errors - (expectLoss ? tally.forgetful : 0);
  const asExpected = expectLoss ? lost > 0 : lost === 0 && duplicated === 0 && errors === 0;
  const passed = asExpected && tally.brokenOff === 0;
  return {
    drill: name,
    state,
    seed,
    acknowledged,
    lost,
    duplicated,
    errors,
    unavailableSeconds: round(timeline.longestGapSeconds),
    recoverySeconds: round(timeline.recoverySeconds),
    verdict: passed ? 'pass' : 'fail',
    notes: [...notes, ...tally.describe(), describeFailures(timeline.failures)],
    ...(expectLoss ? { expectLoss } : {}),
    picture: timeline.draw(),
    history: passed ? [] : tally.history,
  };
}

function describeFailures({ failed, of }: { failed: number; of: number }): string {
  return `${failed} of ${of} requests failed before they were tried again`;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

// Runs many shoppers at once. A shopper with enough operations leaves, and a new one takes its place.

interface LoadOptions {
  url: string;
  shoppers: number;
  random: SeededRandom;
  send?: typeof fetch;
  /** The longest pause of a shopper between two actions. */
  thinkMs: number;
}

export interface ShopperLoad {
  timeline: Timeline;
  /** How many writes were acknowledged from the journal so far. */
  journalled(): number;
  /** Waits until every shopper has an acknowledged write. Gaps count from then on. */
  warm(): Promise<void>;
  /** Waits until each cart has an acknowledged write that began after this call, is complete and needed no journal. */
  settled(): Promise<void>;
  /** Returns the shoppers who left since the last call. */
  takeDeparted(): Shopper[];
  /** Lets every shopper finish its current action. @returns all shoppers who were not taken before */
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
      // Also before the first action, because a crowd does not arrive at one moment.
      await delay(pace.integer(0, thinkMs), undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      const shopper = crowd[place]!;
      await shopper.act(stopping.signal);
      // A shopper does not leave while the journal has its pieces: only its next write shows whether they arrive.
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
