// The timeline of a change, an order or a mail: request, commit, outbox row, attempts with their steps, the outcome.
import { sql } from 'kysely';
import { type JobAttempt, readAttempts } from '../../origin/outbox/attempts.ts';
import { type JobDetails, listJobs, readJobs } from '../../origin/outbox/find-jobs.ts';
import type { Db } from '../../origin/schema.ts';
import { findSubjects } from './read-filter.ts';

export interface TraceEvent {
  at: Date;
  /** Milliseconds since the first event. */
  sinceStartMs: number;
  what: string;
  /** Null for an event without a job, such as an order's payment. */
  jobId: string | null;
}

export interface Trace {
  of: string;
  jobs: { id: string; kind: string; state: string }[];
  events: TraceEvent[];
  /** From the first event to the last; null while a job is neither done nor dead. */
  tookMs: number | null;
}

/** The newest jobs of an order or a product. */
const mostJobs = 50;

/**
 * @param of a job's id (such as an invalidation's), an order's number, a product's slug, or an account's e-mail
 * address
 * @returns undefined where nothing of that name is known
 */
export async function readTrace(db: Db, of: string): Promise<Trace | undefined> {
  const name = of.trim();
  const [job] = /^\d{1,18}$/.test(name) ? await readJobs(db, [name]) : [];
  if (job !== undefined) return compose(db, name, [job], []);
  const subjects = await findSubjects(db, name);
  if (subjects.length === 0) return undefined;
  const jobs = await listJobs(db, { subjects }, { limit: mostJobs });
  const orderIds = subjects.flatMap((subject) => /^order:(\d+)$/.exec(subject)?.[1] ?? []);
  return compose(
    db,
    name,
    await readJobs(
      db,
      jobs.map(({ id }) => id),
    ),
    orderIds.length === 1 ? await readOrderEvents(db, orderIds[0]!) : [],
  );
}

type Moment = Omit<TraceEvent, 'sinceStartMs'>;

async function compose(db: Db, of: string, jobs: JobDetails[], others: Moment[]): Promise<Trace> {
  const ids = jobs.map(({ id }) => id);
  const [attempts, changes] = await Promise.all([readAttempts(db, ids), readStaffChanges(db, ids)]);
  const moments = [
    ...others,
    // The sort keeps this order for events of the same millisecond.
    ...jobs.flatMap((job) => {
      const kept = attempts.get(job.id)!;
      const done = job.doneAt === null ? [] : [{ at: job.doneAt, what: 'done', jobId: job.id }];
      return [
        ...momentsOf(job),
        ...changes.filter(({ jobId }) => jobId === job.id),
        ...kept.flatMap((one) => tellAttempt(job, one)),
        ...tellLost(job, kept),
        ...done,
      ];
    }),
  ].sort((a, b) => Number(a.at) - Number(b.at));
  const startMs = Number(moments[0]?.at ?? 0);
  const events = moments.map((moment) => ({ ...moment, sinceStartMs: Number(moment.at) - startMs }));
  const isOver = jobs.every(({ state }) => state === 'done' || state === 'dead');
  return {
    of,
    jobs: jobs.map(({ id, kind, state }) => ({ id, kind, state })),
    events,
    tookMs: isOver ? (events.at(-1)?.sinceStartMs ?? 0) : null,
  };
}

function momentsOf(job: JobDetails): Moment[] {
  const { id, kind, requestedAt, cause, committedAt, claimedAt, state, nextTryAt } = job;
  const moments: Moment[] = [];
  const add = (at: Date | null, what: string) => at !== null && moments.push({ at, what, jobId: id });
  add(requestedAt, `request: ${cause}`);
  add(committedAt, `outbox row ${id} written (${kind}), in the transaction of the change`);
  if (state === 'due' || state === 'failing') add(claimedAt, 'claimed by a worker');
  if (state === 'waiting') add(nextTryAt, 'due');
  if (state === 'failing' && claimedAt === null) add(nextTryAt, 'next try');
  return moments;
}

function tellAttempt(job: JobDetails, attempt: JobAttempt): Moment[] {
  const jobId = job.id;
  const name = `attempt ${attempt.attempt}`;
  const after = (ms: number) => new Date(Number(attempt.startedAt) + ms);
  const outcome = attempt.error === null ? '' : `: ${attempt.error.replaceAll(/\s+/g, ' ')}`;
  return [
    ...(attempt.claimedAt === null ? [] : [{ at: attempt.claimedAt, what: `${name} claimed`, jobId }]),
    { at: attempt.startedAt, what: `${name} begun by ${attempt.worker}`, jobId },
    ...attempt.steps.map(({ what, atMs }) => ({ at: after(atMs), what: `${name}: ${what}`, jobId })),
    // A done job has its own event.
    ...(attempt.outcome === 'done'
      ? []
      : [{ at: attempt.endedAt, what: `${name} ${attempt.outcome}${outcome}`, jobId }]),
  ];
}

/** A killed or stopped worker records no end of its attempt. */
function tellLost(
  { id, attempts: claims, claimedAt, committedAt }: JobDetails,
  kept: JobAttempt[],
): Moment[] {
  const isUnderWay = claimedAt !== null && kept.at(-1)?.attempt !== claims;
  const first = kept[0]?.attempt ?? 1;
  const lost = claims - (isUnderWay ? 1 : 0) - (kept.length === 0 ? 0 : first - 1) - kept.length;
  if (lost <= 0) return [];
  const at = kept.at(-1)?.startedAt ?? claimedAt ?? committedAt;
  const what = lost === 1 ? '1 attempt ended' : `${lost} attempts ended`;
  return [{ at, what: `${what} with its worker: it was stopped, killed, or the kind was paused`, jobId: id }];
}

async function readStaffChanges(db: Db, jobIds: string[]): Promise<Moment[]> {
  const { rows } = await sql<{ at: Date; subject: string; who: string | null; jobId: string }>`
    select c.changed_at as at, c.subject, c.who, c.invalidation_id as "jobId" from staff_changes c
    where c.invalidation_id = any(${jobIds}::bigint[])`.execute(db);
  return rows.map(({ at, subject, who, jobId }) => ({
    at,
    jobId,
    what: `${subject} changed by ${who ?? 'an account that is gone'}`,
  }));
}

async function readOrderEvents(db: Db, orderId: string): Promise<Moment[]> {
  const { rows } = await sql<{ at: Date; what: string }>`
    select placed_at as at, 'order ' || number || ' placed' as what from orders where id = ${orderId}
    union all
    select attempted_at, 'payment begun with ' || provider from payments
    where order_id = ${orderId} and attempted_at is not null
    union all
    (select at, 'order: ' || what || ' by ' || who from order_events
      where order_id = ${orderId} order by id desc limit 100)`.execute(db);
  return rows.map((row) => ({ ...row, jobId: null }));
}
