// Runs one fault: shoppers shop, the fault comes, it heals, every cart is read and judged.
import { setTimeout as delay } from 'node:timers/promises';
import type { DrillContext, DrillResult, Fault, Mark } from './drill.ts';
import { judge } from './judge.ts';
import { allAttempts, startLoad } from './load.ts';
import { drawTimeline, longestGapSeconds, recoverySeconds } from './timeline.ts';

const beforeMs = 3_000;

export async function runFault(name: string, fault: Fault, context: DrillContext): Promise<DrillResult> {
  const { region, state, seed, random, short } = context;
  const marks: Mark[] = [];
  const notes: string[] = [];
  const load = await startLoad({
    url: region.storefront,
    shoppers: short ? 20 : 50,
    thinkMs: 40,
    random: random.fork('shoppers'),
    ...(fault.send ? { send: fault.send(random.fork('network')) } : {}),
  });
  await delay(short ? beforeMs / 2 : beforeMs);
  await fault.inflict({
    ...context,
    mark: (label) => marks.push({ atMs: load.now(), label }),
    note: (sentence) => notes.push(sentence),
  });
  await delay((fault.afterSeconds ?? 6) * (short ? 500 : 1_000));
  await load.stop();
  await region.healed();

  // A cart in one origin's memory can only be asked for the way its shopper would.
  const urls = state === 'sticky' ? [region.storefront] : region.origins().map(({ url }) => url);
  const { lost, duplicated, unreadable, history } = await judge(load.shoppers, urls);
  const attempts = allAttempts(load.shoppers);
  const operations = load.shoppers.flatMap((shopper) => shopper.operations);
  const open = operations.filter(({ outcome }) => outcome === 'open').length;
  const forgetful = load.shoppers.flatMap((shopper) => shopper.forgetfulAnswers);
  const expectLoss = fault.loses?.(state) === true;
  if (open > 0) notes.push(`${open} operations never came to an answer`);
  if (unreadable > 0) notes.push(`${unreadable} carts could not be read`);
  if (forgetful.length > 0 && !expectLoss)
    notes.push(`${forgetful.length} answers forgot earlier writes, such as ${forgetful[0]}`);
  notes.push(describeAcknowledgements(operations));
  const errors = open + unreadable + (expectLoss ? 0 : forgetful.length);
  const passed = expectLoss ? lost > 0 : lost === 0 && duplicated === 0 && errors === 0;
  return {
    drill: name,
    state,
    seed,
    acknowledged: operations.filter(({ outcome }) => outcome === 'acknowledged').length,
    lost,
    duplicated,
    errors,
    unavailableSeconds: round(longestGapSeconds(attempts)),
    recoverySeconds: round(recoverySeconds(attempts, marks)),
    verdict: passed ? 'pass' : 'fail',
    notes,
    ...(expectLoss ? { expectLoss } : {}),
    picture: drawTimeline(attempts, marks),
    history: passed ? [] : history,
  };
}

function describeAcknowledgements(operations: { attempts: { durability?: string | undefined }[] }[]): string {
  const counts = new Map<string, number>();
  for (const { attempts } of operations) {
    const durability = attempts.at(-1)?.durability;
    if (durability !== undefined) counts.set(durability, (counts.get(durability) ?? 0) + 1);
  }
  return `acknowledged as ${[...counts].map(([durability, count]) => `${durability} ${count}`).join(', ') || 'nothing'}`;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
