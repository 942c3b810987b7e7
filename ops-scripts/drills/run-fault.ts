// Runs one fault while shoppers shop, waits until it has healed, then reads and judges every cart.
import { setTimeout as delay } from 'node:timers/promises';
import type { DrillContext, DrillResult, Fault } from './drill.ts';
import { judgeAll, Tally } from './judge.ts';
import { type ShopperLoad, startLoad } from './load.ts';

const beforeMs = 3_000;
const readPatienceMs = 60_000;
const thinkMs = 40;

export interface FaultRun {
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
  // What was seen until then is judged all the same: an hour's ledgers are not thrown away.
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
 * A cart in one origin's memory can only be asked for the way its shopper would; what is not there has no other
 * place.
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
  // Who lost a cart is told so by every later answer: that is one loss, not many errors.
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
