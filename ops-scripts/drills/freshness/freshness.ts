// `npm run drill -- freshness`: writers change prices and stock, readers hammer every origin and the edge, faults go on meanwhile. What was done
// before a request began must not be seen undone by it.
import { setTimeout as delay } from 'node:timers/promises';
import type { DrillContext, DrillResult } from '../drill.ts';
import type { Region } from '../region.ts';
import { Timeline } from '../timeline.ts';
import { type Books, openBooks } from './books.ts';
import { type FaultLog, inflictUntil } from './fault-schedule.ts';
import { type FaultName, freshnessFaults } from './faults.ts';
import { openPurgeLine, type PurgeLine } from './purge-line.ts';
import { type Door, readAtDoor } from './readers.ts';
import { describeFreshness, type FreshnessFigures, toFigures } from './report.ts';
import { createEyes } from './sightings.ts';
import { signInStaff } from './staff.ts';
import { chooseSubjects, listTargets } from './subjects.ts';
import { keepVerdicts, type Verdicts } from './verdicts.ts';
import { writeUntil } from './writers.ts';

export interface FreshnessResult extends DrillResult {
  freshness: FreshnessFigures;
}

export interface Hunt {
  seconds: number;
  faults: readonly FaultName[];
  /** Workers speak to the edge through us: they are replaced at the beginning and at the end. */
  onTheLine: boolean;
}

const allFaults = Object.keys(freshnessFaults) as FaultName[];

const longHunt: Hunt = { seconds: 240, faults: allFaults, onTheLine: true };

/** What a region on loan and half a minute allow: nothing has to be rebuilt or replaced. */
const shortHunt: Hunt = {
  seconds: 20,
  faults: [
    'empty Redis',
    'stop an origin again and again, between any two of its steps',
    'freeze an origin',
    'freeze the edge',
    'freeze a worker',
    'pause the replay of the read replica',
  ],
  onTheLine: false,
};

const subjectsCount = 24;

export function freshness(context: DrillContext): Promise<FreshnessResult> {
  const usual = context.short ? shortHunt : longHunt;
  return hunt(context, { ...usual, seconds: context.size.seconds ?? usual.seconds });
}

export async function hunt(
  context: DrillContext,
  { seconds, faults, onTheLine }: Hunt,
): Promise<FreshnessResult> {
  const { region, state, seed, random, short } = context;
  const began = performance.now();
  const now = () => performance.now() - began;
  const { subjects, categories } = await chooseSubjects(region.storefront, subjectsCount);
  const books = openBooks(subjects);
  const log: FaultLog = { counts: new Map(), failures: [], current: 'nothing' };
  const verdicts = keepVerdicts(books, now, () => log.current);
  const timeline = new Timeline(now);
  const staff = await signInStaff(region.storefront, region.staff, (status) => timeline.tell(status));
  await using line = onTheLine ? await joinLine(region, random.fork('line')) : undefined;

  const stopping = new AbortController();
  const endsAtMs = now() + seconds * 1_000;
  const eyes = createEyes(subjects);
  const reading = listDoors(region).map((door) =>
    readAtDoor({
      door,
      targets: listTargets(subjects, categories, random),
      random: random.fork(door.name),
      eager: door.name.startsWith('edge') ? 4 : 3,
      now,
      floors: books.floors,
      see: eyes,
      onRead: verdicts.judge,
      onUnanswered: verdicts.unanswered,
      signal: stopping.signal,
    }),
  );
  const writing = writeUntil({
    staff,
    books,
    subjects,
    random: random.fork('writers'),
    writers: 6,
    restMs: 120,
    now,
    isQuiet: () => log.current === 'nothing',
    signal: stopping.signal,
  });
  timeline.begin();
  await delay(Math.min(10_000, seconds * 150));
  await inflictUntil({ region, random: random.fork('faults'), line, short }, log, {
    faults,
    msLeft: () => endsAtMs - now(),
    onBegin: (name) => {
      timeline.mark(name);
      context.progress(`${(now() / 1_000).toFixed(0)} s: ${name} (${progressOf(verdicts, books)})`);
    },
    onHealed: () => timeline.heal(),
  });
  await delay(Math.max(0, endsAtMs - now()));
  stopping.abort();
  const written = await writing;
  await Promise.all(reading);

  const figures = toFigures({ verdicts, written, log, seconds: now() / 1_000 });
  const errors = verdicts.stale.length + verdicts.blind.length + written.neverDone;
  return {
    drill: 'freshness',
    state,
    seed,
    acknowledged: written.acknowledged,
    lost: 0,
    duplicated: 0,
    errors,
    unavailableSeconds: round(timeline.longestGapSeconds),
    recoverySeconds: round(timeline.recoverySeconds),
    verdict: errors === 0 && verdicts.reads > 0 && written.doneMs.length > 0 ? 'pass' : 'fail',
    notes: describeFreshness(figures, verdicts, written, log),
    picture: timeline.draw(),
    history: verdicts.stale.slice(0, 20).map(({ tier, story }) => `stale from ${tier}: ${story}`),
    freshness: figures,
  };
}

function listDoors(region: Region): Door[] {
  return [...region.origins(), region.ofKind('edge')].map(({ name, url }) => ({ name, url }));
}

/** The workers are told another address of the edge: ours. They go back to its own when the drill ends. */
async function joinLine(region: Region, random: DrillContext['random']): Promise<PurgeLine> {
  const edge = region.ofKind('edge');
  const line = await openPurgeLine(edge.url, random);
  const lead = async (url: string) => {
    const workers = region.parts.filter(({ kind }) => kind === 'worker');
    for (const worker of workers) await region.replace(worker, { EDGE_URLS: url });
  };
  await lead(line.url);
  return {
    ...line,
    get mode() {
      return line.mode;
    },
    set mode(mode) {
      line.mode = mode;
    },
    async [Symbol.asyncDispose]() {
      await lead(edge.url);
      await line[Symbol.asyncDispose]();
    },
  };
}

function progressOf(verdicts: Verdicts, books: Books): string {
  return `${verdicts.reads} reads, ${books.finishedChanges} changes done, ${verdicts.stale.length} stale`;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
