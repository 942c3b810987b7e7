// Counts ended jobs by kind, and how long they took, for the console's charts.
// The figures are gathered in memory, and written to Postgres every few seconds.
import { sql } from 'kysely';
import { type OutboxKind, outboxKinds } from '../origin/outbox/events.ts';
import type { Db, DbOrTx } from '../origin/schema.ts';

/** Upper bounds, each twice the one before, from 5 ms to half a day. Longer durations count in the last. */
const durationBoundsMs = Array.from({ length: 24 }, (_, at) => 5 * 2 ** at);

/**
 * Charts by the length of their span: the minutes of each bar, and the number of bars. Rows are kept somewhat longer.
 */
export const figureSpans = {
  hour: { minutes: 1, bars: 60, keptHours: 3 },
  day: { minutes: 15, bars: 96, keptHours: 27 },
  week: { minutes: 120, bars: 84, keptHours: 8 * 24 },
} as const;
export type FigureSpan = keyof typeof figureSpans;

interface Counts {
  done: number;
  /** Failed attempts. A job may have several before it is done. */
  failed: number;
  /** Counts of durations from when a job was due until it was done. */
  waits: number[];
  /** Counts of durations of attempts. */
  runs: number[];
}

const none = (): Counts => ({
  done: 0,
  failed: 0,
  waits: durationBoundsMs.map(() => 0),
  runs: durationBoundsMs.map(() => 0),
});

export interface FigureRecorder {
  noteDone(kind: OutboxKind, tookMs: number, dueMs: number): void;
  noteFailed(kind: OutboxKind, tookMs: number): void;
  /** Writes the counts since the last call. Counts that cannot be written are kept for the next. */
  write(): Promise<void>;
}

/** Records figures without making jobs wait. A killed worker loses the figures of its last few seconds. */
export function createFigureRecorder(db: Db): FigureRecorder {
  let counted = new Map<OutboxKind, Counts>();
  const of = (kind: OutboxKind) => {
    const counts = counted.get(kind) ?? none();
    counted.set(kind, counts);
    return counts;
  };
  return {
    noteDone(kind, tookMs, dueMs) {
      const counts = of(kind);
      counts.done += 1;
      counts.runs[placeOf(tookMs)]! += 1;
      counts.waits[placeOf(dueMs)]! += 1;
    },
    noteFailed(kind, tookMs) {
      const counts = of(kind);
      counts.failed += 1;
      counts.runs[placeOf(tookMs)]! += 1;
    },
    async write() {
      if (counted.size === 0) return;
      const taken = counted;
      counted = new Map();
      try {
        await addFigures(db, taken);
      } catch (error) {
        for (const [kind, counts] of taken) add(of(kind), counts);
        throw error;
      }
    },
  };
}

function placeOf(ms: number): number {
  const place = durationBoundsMs.findIndex((bound) => ms <= bound);
  return place === -1 ? durationBoundsMs.length - 1 : place;
}

function add(to: Counts, { done, failed, waits, runs }: Counts): void {
  to.done += done;
  to.failed += failed;
  to.waits = to.waits.map((count, at) => count + waits[at]!);
  to.runs = to.runs.map((count, at) => count + runs[at]!);
}

/** Adds to rows in one fixed order, so that workers that add to the same rows cannot deadlock. */
async function addFigures(db: Db, counted: Map<OutboxKind, Counts>): Promise<void> {
  const rows = JSON.stringify([...counted].map(([kind, counts]) => ({ kind, ...counts })));
  const spans = Object.values(figureSpans).map(({ minutes }) => minutes);
  const sum = (column: 'waits' | 'runs') => sql`
    array(select ours + added from unnest(figures.${sql.ref(column)}, excluded.${sql.ref(column)})
      with ordinality as pairs (ours, added, place) order by place)`;
  await sql`
    insert into job_figures as figures (kind, span_minutes, starts_at, done, failed, waits, runs)
    select kind, span, date_bin(make_interval(mins => span), now(), 'epoch'), done, failed, waits, runs
    from json_to_recordset(${rows}) as counted (kind text, done integer, failed integer, waits integer[], runs integer[])
    cross join unnest(${spans}::integer[]) as spans (span)
    order by span, kind
    on conflict (span_minutes, starts_at, kind) do update set
      done = figures.done + excluded.done, failed = figures.failed + excluded.failed,
      waits = ${sum('waits')}, runs = ${sum('runs')}`.execute(db);
}

/** Deletes old rows, so that some hundred remain of each kind. */
export async function pruneFigures(db: DbOrTx): Promise<void> {
  for (const { minutes, keptHours } of Object.values(figureSpans))
    await sql`
      delete from job_figures
      where span_minutes = ${minutes} and starts_at < now() - make_interval(hours => ${keptHours})`.execute(
      db,
    );
}

export interface FigureBar {
  startsAt: Date;
  done: number;
  failed: number;
  /** From due to done; null where nothing was done. */
  halfWithinMs: number | null;
  mostWithinMs: number | null;
}

export interface KindFigures {
  kind: OutboxKind;
  done: number;
  failed: number;
  halfWithinMs: number | null;
  mostWithinMs: number | null;
  /** Longest duration of the fastest 95 % of the attempts. */
  runsWithinMs: number | null;
  /** Oldest first, without gaps. The last bar is still growing. */
  bars: FigureBar[];
}

/** The share of `mostWithinMs`. */
const most = 0.95;

export async function readFigures(db: Db, over: FigureSpan): Promise<KindFigures[]> {
  const { minutes, bars } = figureSpans[over];
  const { rows } = await sql<Counts & { kind: OutboxKind; bar: number }>`
    select kind, done, failed, waits, runs,
      (${bars}::integer - 1 - extract(epoch from date_bin(make_interval(mins => ${minutes}), now(), 'epoch') - starts_at) / ${minutes * 60})::integer as bar
    from job_figures
    where span_minutes = ${minutes} and starts_at > now() - make_interval(mins => ${minutes * bars})`.execute(
    db,
  );
  const spanMs = minutes * 60_000;
  const lastStartMs = Math.floor(Date.now() / spanMs) * spanMs;
  return outboxKinds.map((kind) => {
    const all = none();
    const told = Array.from({ length: bars }, (_, at): FigureBar => {
      const row = rows.find((one) => one.kind === kind && one.bar === at);
      if (row !== undefined) add(all, row);
      return {
        startsAt: new Date(lastStartMs - (bars - 1 - at) * spanMs),
        done: row?.done ?? 0,
        failed: row?.failed ?? 0,
        halfWithinMs: withinMs(row?.waits, 0.5),
        mostWithinMs: withinMs(row?.waits, most),
      };
    });
    return {
      kind,
      done: all.done,
      failed: all.failed,
      halfWithinMs: withinMs(all.waits, 0.5),
      mostWithinMs: withinMs(all.waits, most),
      runsWithinMs: withinMs(all.runs, most),
      bars: told,
    };
  });
}

/** Interpolates evenly between two bounds. @returns null without counts */
function withinMs(counts: number[] | undefined, share: number): number | null {
  const total = (counts ?? []).reduce((sum, count) => sum + count, 0);
  if (counts === undefined || total === 0) return null;
  let before = 0;
  for (const [at, count] of counts.entries()) {
    if (count > 0 && before + count >= share * total) {
      const lower = at === 0 ? 0 : durationBoundsMs[at - 1]!;
      return lower + ((share * total - before) / count) * (durationBoundsMs[at]! - lower);
    }
    before += count;
  }
  return durationBoundsMs.at(-1)!;
}
