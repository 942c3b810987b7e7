// `npm run drill -- freshness`: writers change prices and stock, readers read every origin and the edge, faults go on.
// Fails if a request sees a value older than a change that was done before the request began.
import { setTimeout as delay } from 'node:timers/promises';
import type { DrillContext, DrillResult } from '../drill.ts';
import type { DrillRegion } from '../region.ts';
import { Timeline } from '../report.ts';
import { signInStaff } from '../staff.ts';
import { type FaultLog, type FreshnessSize, fullSize, inflictUntil, shortSize } from './faults.ts';
import {
  describeFreshness,
  type FreshnessFigures,
  keepJudgements,
  type ReadJudgements,
  toFigures,
} from './judge-reads.ts';
import { routePurges } from './purge-proxy.ts';
import { createValueReader } from './read-values.ts';
import { type Door, readAtDoor } from './readers.ts';
import { chooseSubjects, listTargets, type Oracle, openOracle } from './subjects.ts';
import { archiveAndPublish, writeUntil } from './writers.ts';

export interface FreshnessResult extends DrillResult {
  freshness: FreshnessFigures;
}

const subjectsCount = 24;

export function freshness(context: DrillContext): Promise<FreshnessResult> {
  const usual = context.short ? shortSize : fullSize;
  return runFreshness(context, { ...usual, seconds: context.size.seconds ?? usual.seconds });
}

export async function runFreshness(
  context: DrillContext,
  { seconds, faults, throughProxy, archivesProduct }: FreshnessSize,
): Promise<FreshnessResult> {
  const { region, state, seed, random, short } = context;
  const began = performance.now();
  const now = () => performance.now() - began;
  const { subjects, categories } = await chooseSubjects(region.storefront, subjectsCount);
  const oracle = openOracle(subjects);
  const log: FaultLog = { counts: new Map(), failures: [], current: 'nothing' };
  const judgements = keepJudgements(oracle, now, () => log.current);
  const timeline = new Timeline(now);
  const staff = await signInStaff(region.storefront, region.staff, (status) => timeline.tell(status));
  await using purgeProxy = throughProxy ? await routePurges(region, random.fork('line')) : undefined;

  const stopping = new AbortController();
  const endsAtMs = now() + seconds * 1_000;
  const readValues = createValueReader(subjects, oracle);
  const archivedSlug = archivesProduct ? `drill-archivable-${seed}` : undefined;
  const reading = listDoors(region).map((door) =>
    readAtDoor({
      door,
      targets: listTargets(subjects, categories, archivedSlug, random),
      random: random.fork(door.name),
      eager: door.name.startsWith('edge') ? 4 : 3,
      now,
      floors: oracle.floors,
      see: readValues,
      onRead: judgements.judge,
      onUnanswered: judgements.unanswered,
      signal: stopping.signal,
    }),
  );
  const writing = writeUntil({
    staff,
    oracle,
    subjects,
    random: random.fork('writers'),
    writers: 6,
    restMs: 120,
    now,
    isQuiet: () => log.current === 'nothing',
    signal: stopping.signal,
  });
  const archiving =
    archivedSlug === undefined
      ? undefined
      : archiveAndPublish({ region, slug: archivedSlug, oracle, now, signal: stopping.signal });
  timeline.begin();
  await delay(Math.min(10_000, seconds * 150));
  try {
    await inflictUntil({ region, random: random.fork('faults'), purgeProxy, short }, log, {
      faults,
      msLeft: () => endsAtMs - now(),
      onBegin: (name) => {
        timeline.mark(name);
        context.progress(`${(now() / 1_000).toFixed(0)} s: ${name} (${progressOf(judgements, oracle)})`);
      },
      onHealed: () => timeline.heal(),
    });
    await delay(Math.max(0, endsAtMs - now()));
  } finally {
    stopping.abort();
  }
  const written = await writing;
  await Promise.all([archiving, ...reading]);
  const figures = toFigures({ judgements, written, log, seconds: now() / 1_000 });
  const notes = describeFreshness(figures, judgements, written, log);
  return { state, seed, notes, freshness: figures, ...conclude({ figures, judgements, written, timeline }) };
}

interface Concluded {
  figures: FreshnessFigures;
  judgements: ReadJudgements;
  written: Awaited<ReturnType<typeof writeUntil>>;
  timeline: Timeline;
}

/** A drill without reads or finished changes fails. */
function conclude({ figures, judgements, written, timeline }: Concluded) {
  const errors = figures.stale + judgements.blind.length + written.neverDone;
  const sawMuch = judgements.reads > 0 && written.doneMs.length > 0;
  return {
    drill: 'freshness',
    acknowledged: written.acknowledged,
    lost: 0,
    duplicated: 0,
    errors,
    unavailableSeconds: round(timeline.longestGapSeconds),
    recoverySeconds: round(timeline.recoverySeconds),
    verdict: errors === 0 && sawMuch ? ('pass' as const) : ('fail' as const),
    picture: timeline.draw(),
    history: judgements.stale.slice(0, 20).map(({ tier, story }) => `stale from ${tier}: ${story}`),
  };
}

function listDoors(region: DrillRegion): Door[] {
  return [...region.origins(), region.ofKind('edge')].map(({ name, url }) => ({ name, url }));
}

function progressOf(judgements: ReadJudgements, oracle: Oracle): string {
  return `${judgements.reads} reads, ${oracle.finishedChanges} changes done, ${judgements.stale.length} stale`;
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
