// `npm run drill -- freshness`: writers change prices and stock, readers hammer every origin and the edge, faults go on meanwhile. What was done
// before a request began must not be seen undone by it.
import { setTimeout as delay } from 'node:timers/promises';
import type { DrillContext, DrillResult } from '../drill.ts';
import type { Region } from '../region.ts';
import { signInStaff } from '../staff.ts';
import { Timeline } from '../timeline.ts';
import { type FaultLog, inflictUntil } from './fault-schedule.ts';
import { type Hunt, longHunt, shortHunt } from './hunts.ts';
import { joinLine } from './join-line.ts';
import { type Books, openBooks } from './oracle.ts';
import { type Door, readAtDoor } from './readers.ts';
import { describeFreshness, type FreshnessFigures, toFigures } from './report.ts';
import { turnShelf } from './shelf.ts';
import { createEyes } from './sightings.ts';
import { chooseSubjects, listTargets } from './subjects.ts';
import { keepVerdicts, type Verdicts } from './verdicts.ts';
import { writeUntil } from './writers.ts';

export interface FreshnessResult extends DrillResult {
  freshness: FreshnessFigures;
}

const subjectsCount = 24;

export function freshness(context: DrillContext): Promise<FreshnessResult> {
  const usual = context.short ? shortHunt : longHunt;
  return hunt(context, { ...usual, seconds: context.size.seconds ?? usual.seconds });
}

export async function hunt(
  context: DrillContext,
  { seconds, faults, onTheLine, turnsShelf }: Hunt,
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
  const eyes = createEyes(subjects, books);
  const shelfSlug = turnsShelf ? `drill-shelf-${seed}` : undefined;
  const reading = listDoors(region).map((door) =>
    readAtDoor({
      door,
      targets: listTargets(subjects, categories, shelfSlug, random),
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
  const turning =
    shelfSlug === undefined
      ? undefined
      : turnShelf({ region, slug: shelfSlug, books, now, signal: stopping.signal });
  timeline.begin();
  await delay(Math.min(10_000, seconds * 150));
  try {
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
  } finally {
    stopping.abort();
  }
  const written = await writing;
  await Promise.all([turning, ...reading]);
  const figures = toFigures({ verdicts, written, log, seconds: now() / 1_000 });
  const errors = figures.stale + verdicts.blind.length + written.neverDone;
  const sawMuch = verdicts.reads > 0 && written.doneMs.length > 0;
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
    verdict: errors === 0 && sawMuch ? 'pass' : 'fail',
    notes: describeFreshness(figures, verdicts, written, log),
    picture: timeline.draw(),
    history: verdicts.stale.slice(0, 20).map(({ tier, story }) => `stale from ${tier}: ${story}`),
    freshness: figures,
  };
}

function listDoors(region: Region): Door[] {
  return [...region.origins(), region.ofKind('edge')].map(({ name, url }) => ({ name, url }));
}

function progressOf(verdicts: Verdicts, books: Books): string {
  return `${verdicts.reads} reads, ${books.finishedChanges} changes done, ${verdicts.stale.length} stale`;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
