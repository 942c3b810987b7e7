// Holds every read against what was done before it began; keeps the history of those that were stale.
import type { Books } from './oracle.ts';
import { fieldOf } from './read-socket.ts';
import type { Read } from './readers.ts';

/** Where the answer came from, as far as its Cache-Status tells. */
export type Tier = 'edge' | 'origin cache' | 'origin fill';

export interface StaleRead {
  tier: Tier;
  /** When done, when begun, what was seen, through which door. */
  story: string;
}

export interface Verdicts {
  judge(read: Read): void;
  /** A request that came to no answer. */
  unanswered(): void;
  readonly reads: number;
  readonly unansweredReads: number;
  /** Answers 5xx, in which the shop said that it could not, by code. */
  readonly refused: Map<string, number>;
  /** Answers that showed nothing where they should have: a checker that does not see must not pass. */
  readonly blind: string[];
  readonly staleByTier: Record<Tier, number>;
  /** The first of them. */
  readonly stale: StaleRead[];
  /** Reads by door. */
  readonly byDoor: Map<string, number>;
}

const mostKept = 200;

export function keepVerdicts(books: Books, now: () => number, faultAt: () => string): Verdicts {
  const verdicts = {
    reads: 0,
    unansweredReads: 0,
    refused: new Map<string, number>(),
    blind: [] as string[],
    staleByTier: { edge: 0, 'origin cache': 0, 'origin fill': 0 },
    stale: [] as StaleRead[],
    byDoor: new Map<string, number>(),
    unanswered() {
      verdicts.unansweredReads += 1;
    },
    judge(read: Read) {
      verdicts.reads += 1;
      verdicts.byDoor.set(read.door.name, (verdicts.byDoor.get(read.door.name) ?? 0) + 1);
      if (read.refusal !== undefined)
        verdicts.refused.set(read.refusal, (verdicts.refused.get(read.refusal) ?? 0) + 1);
      else if (isBlind(read) && verdicts.blind.length < mostKept)
        verdicts.blind.push(`${read.door.name} ${read.target.path}: ${read.status}`);
      const seen = read.seen.find(({ slot, value }) => value < read.floors[slot]!);
      if (seen === undefined) return;
      const tier = tierOf(read);
      verdicts.staleByTier[tier] += 1;
      if (verdicts.stale.length >= mostKept) return;
      const done = books.finishedAbove(seen.slot, seen.value);
      const story =
        `${read.door.name} GET ${read.target.path}: began ${seconds(read.beganAtMs)}, answered ${read.status} at ${seconds(now())}, ` +
        `showed ${books.describe(seen.slot)} ${seen.value}; at least ${done?.value} was done at ${seconds(done?.atMs ?? 0)}` +
        ` (${fieldOf(read.head, 'cache-status')}; served by ${fieldOf(read.head, 'served-by')}; meanwhile: ${faultAt()})`;
      verdicts.stale.push({ tier, story });
    },
  };
  return verdicts;
}

function isBlind({ status, target, seen }: Read): boolean {
  if (target.shows === 'absence') return status !== 404;
  if (target.shows === 'shelf') return seen.length === 0;
  if (status !== 200 && status !== 304) return true;
  return target.subject !== undefined && seen.length === 0;
}

function tierOf({ head, door }: Read): Tier {
  const status = fieldOf(head, 'cache-status') ?? '';
  if (door.name.startsWith('edge') && /edge[^,]*; *hit|^hit/.test(status)) return 'edge';
  return status.includes('origin; hit') ? 'origin cache' : 'origin fill';
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}
