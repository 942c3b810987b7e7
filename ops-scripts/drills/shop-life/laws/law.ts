// Checks a law after every simulated day.
// A law gathers data and then judges only that, so that tests can run each step.
import { setTimeout as delay } from 'node:timers/promises';
import type { ShopLife } from '../life.ts';

export interface Law<Seen = unknown> {
  name: string;
  gather(life: ShopLife): Promise<Seen>;
  /** @returns a sentence for each breach; empty if there is none */
  judge(seen: Seen): string[];
  /** How long a breach may last before it counts, because shared pages may be seconds behind. Default 0. */
  patienceMs?: number;
  /** Whether it reads the whole catalog. A quiet life checks such a law once a week. */
  isCostly?: boolean;
}

export interface Breach {
  law: string;
  day: number;
  sentence: string;
}

const againMs = 500;

export async function checkLaw(law: Law, life: ShopLife): Promise<Breach[]> {
  const until = performance.now() + (law.patienceMs ?? 0);
  for (;;) {
    const sentences = await judgeNow(law, life);
    if (sentences.length === 0 || performance.now() > until)
      return sentences.map((sentence) => ({ law: law.name, day: life.day, sentence }));
    await delay(againMs);
  }
}

/** Data that cannot be gathered counts as a breach. @returns a sentence for each breach */
export async function judgeNow(law: Law, life: ShopLife): Promise<string[]> {
  try {
    return [...law.judge(await law.gather(life))];
  } catch (error) {
    return [`Cannot be judged: ${error instanceof Error ? error.message : error}`];
  }
}

/** For laws that are listed together. */
export function defineLaw<Seen>(law: Law<Seen>): Law<Seen> {
  return law;
}
