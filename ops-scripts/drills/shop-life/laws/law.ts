// A law is checked after every simulated day: it gathers what it needs, then judges that alone, so tests can run each
// step.
import { setTimeout as delay } from 'node:timers/promises';
import type { ShopLife } from '../life.ts';

export interface Law<Seen = unknown> {
  name: string;
  gather(life: ShopLife): Promise<Seen>;
  /** @returns a sentence for each breach; empty where it holds */
  judge(seen: Seen): string[];
  /** Shared pages are right within seconds: until then it is asked again. Default 0. */
  patienceMs?: number;
  /** In a quiet life it is checked once a week: it looks at the whole catalog. */
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

/** What cannot be gathered cannot be said to hold. @returns a sentence for each breach */
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
