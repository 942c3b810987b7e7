// The operators' console below /jobs: overview, lists, one job, changes with a confirmation, log and trace.

import { type Context, Hono, type HonoRequest } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { notFound, Refusal } from '../../origin/errors.ts';
import { readAttempts } from '../../origin/outbox/attempts.ts';
import {
  dropJobs,
  pauseKind,
  readLog,
  readPausedKinds,
  resumeKind,
  retryJobs,
} from '../../origin/outbox/change-jobs.ts';
import { outboxKinds } from '../../origin/outbox/events.ts';
import {
  countMatching,
  groupErrors,
  type JobCount,
  type JobFilter,
  type JobState,
  listJobs,
  readJob,
} from '../../origin/outbox/find-jobs.ts';
import { countedTo, countJobs } from '../../origin/outbox/measure.ts';
import { countPendingPurges } from '../../origin/outbox/pending-purges.ts';
import type { Db } from '../../origin/schema.ts';
import type { Html } from '../../origin/web/page/html.ts';
import { type FigureSpan, figureSpans, readFigures } from '../figures.ts';
import { askToRunTask, readReports, readTaskRuns } from '../reports.ts';
import { readAsked, toQuery, understand } from './read-filter.ts';
import { readTrace } from './trace.ts';
import { type Frame, page, tellCount } from './views/layout.ts';
import { changeWords, jobView, listView, pauseQuestion, questionView } from './views/list.ts';
import { logView, traceView } from './views/log.ts';
import { overview } from './views/overview.ts';
import { throughputView } from './views/throughput.ts';

export interface ConsoleOptions {
  db: Db;
  /** Undefined where nobody is signed in; the pages are then never reached. */
  whoIs: (c: Context) => string | undefined;
  /** Call after jobs became due. */
  wakeWorker: () => void;
}

const perPage = 50;
/** Newest failed jobs on the first page. */
const mostOnOverview = 10;
/** Most jobs that the first page counts of each group of errors. */
const mostOfGroup = 2_000;
/** Bounds the rows that a search reads, because a rare text would otherwise be searched for in a million jobs. */
const searchAtMost = 20_000;
/** A change of very many jobs stops after this time and continues with the next press of the button. */
const longestChangeMs = 20_000;
const formLimit = bodyLimit({ maxSize: 16_384 });

type Show = (c: Context, frame: Frame, content: Html) => Response | Promise<Response>;

export function consolePages(options: ConsoleOptions): Hono {
  const app = new Hono();
  const show: Show = (c, frame, content) => c.html(page({ who: options.whoIs(c), ...frame }, content));
  addViews(app, options.db, show);
  addChanges(app, options, show);
  addJob(app, options, show);
  return app;
}

/** Adds pages that change nothing. */
function addViews(app: Hono, db: Db, show: Show): void {
  app.get('/jobs', async (c) => {
    const frame = { title: 'Jobs', at: '/jobs', notice: noticeOf(c.req), isLive: true };
    const of = await readOverview(db).catch(() => undefined);
    if (of !== undefined) return show(c, frame, overview(of));
    const problem = 'Postgres does not answer; the jobs cannot be read.';
    return show(c, { ...frame, problem }, '' as unknown as Html);
  });
  app.get('/jobs/list', async (c) => {
    const asked = readAsked(c.req.query());
    const frame = { title: 'List of jobs', at: '/jobs/list', notice: noticeOf(c.req) };
    const filter = await understand(db, asked);
    if (typeof filter === 'string') {
      const nothing = { asked, jobs: [], found: { count: 0, more: false }, next: undefined };
      return show(c, { ...frame, problem: filter }, listView(nothing));
    }
    const [jobs, found] = await Promise.all([
      listJobs(db, filter, { limit: perPage, after: asked.after, searchAtMost }),
      countMatching(db, filter, countedTo, searchAtMost),
    ]);
    const next = jobs.length === perPage ? jobs.at(-1)!.cursor : undefined;
    return show(c, frame, listView({ asked, jobs, found, next }));
  });
  app.get('/jobs/throughput', async (c) => {
    const asked = c.req.query('over') ?? 'hour';
    const over = Object.hasOwn(figureSpans, asked) ? (asked as FigureSpan) : 'hour';
    const frame = { title: 'Throughput', at: '/jobs/throughput', isLive: true };
    return show(c, frame, throughputView(over, await readFigures(db, over)));
  });
  app.get('/jobs/log', async (c) => {
    const before = c.req.query('before');
    const deeds = await readLog(db, perPage, /^\d{1,18}$/.test(before ?? '') ? before : undefined);
    return show(c, { title: 'Who did what', at: '/jobs/log' }, logView(deeds, perPage));
  });
  app.get('/jobs/trace', async (c) => {
    const of = (c.req.query('of') ?? '').trim().slice(0, 200);
    const trace = of === '' ? undefined : await readTrace(db, of);
    const problem =
      of !== '' && trace === undefined ? `No job, order, product or account is known as '${of}'.` : undefined;
    const isLive = trace !== undefined && trace.tookMs === null;
    return show(c, { title: 'Trace', at: '/jobs/trace', problem, isLive }, traceView(of, trace));
  });
}

/** Adds changes of several jobs, a kind or a timed task. */
function addChanges(app: Hono, options: ConsoleOptions, show: Show): void {
  const { db } = options;
  app.post('/jobs/change', formLimit, (c) => changeSeveral(c, options, show));
  app.post('/jobs/kinds', formLimit, async (c) => {
    const { kind: named, action, confirmed } = await readForm(c.req);
    const kind = outboxKinds.find((one) => one === named);
    if (kind === undefined || (action !== 'pause' && action !== 'resume'))
      throw new Refusal(422, 'invalid-body', 'The form does not say which kind to pause or resume');
    const who = options.whoIs(c)!;
    if (action === 'resume') {
      await resumeKind(db, kind, who);
      options.wakeWorker();
    } else if (confirmed === 'yes') await pauseKind(db, kind, who);
    else return show(c, { title: `Pause ${kind}?` }, pauseQuestion(kind));
    return c.body(null, 303, { Location: `/jobs?done=${action}` });
  });
  app.post('/jobs/tasks', formLimit, async (c) => {
    const { task } = await readForm(c.req);
    if (typeof task !== 'string' || !(await askToRunTask(db, task, options.whoIs(c)!)))
      throw new Refusal(422, 'invalid-body', 'The form does not name a timed task');
    return c.body(null, 303, { Location: '/jobs?done=run' });
  });
}

function addJob(app: Hono, options: ConsoleOptions, show: Show): void {
  const { db } = options;
  app.get('/jobs/:id{[0-9]{1,18}}', async (c) => {
    const id = c.req.param('id');
    const [job, attempts] = await Promise.all([readJob(db, id), readAttempts(db, [id])]);
    if (job === undefined) throw notFound('This job');
    return show(c, { title: `Job ${id}`, notice: noticeOf(c.req) }, jobView(job, attempts.get(id)!));
  });
  app.post('/jobs/:id{[0-9]{1,18}}', formLimit, async (c) => {
    const { action } = await readForm(c.req);
    const id = c.req.param('id');
    const deed = { who: options.whoIs(c)!, filter: { ids: [id] } };
    if (action !== 'retry' && action !== 'drop')
      throw new Refusal(422, 'invalid-body', 'The form does not say what to do with the job');
    const { changed } = await (action === 'retry' ? retryJobs(db, deed) : dropJobs(db, deed));
    options.wakeWorker();
    const path = action === 'retry' ? `/jobs/${id}` : '/jobs';
    return c.body(null, 303, { Location: `${path}?done=${action}&count=${changed}` });
  });
}

async function readOverview(db: Db) {
  const [{ counts, depth }, paused, groups, failed, workers, pendingPurges, tasks, deeds] = await Promise.all(
    [
      countJobs(db),
      readPausedKinds(db),
      groupErrors(db, {}, mostOfGroup),
      listJobs(db, {}, { limit: mostOnOverview }),
      readReports(db),
      countPendingPurges(db),
      readTaskRuns(db),
      readLog(db, mostOnOverview),
    ],
  );
  return {
    counts,
    depth,
    paused,
    groups: groups.slice(0, 20),
    failed,
    workers,
    pendingPurges,
    tasks,
    deeds,
  };
}

/** Asks for confirmation first and shows the number of jobs. The second form confirms. */
async function changeSeveral(
  c: Context,
  { db, whoIs, wakeWorker }: ConsoleOptions,
  show: Show,
): Promise<Response> {
  const form = await readForm(c.req);
  const [, change, scope] = /^(retry|drop)-(selected|all)$/.exec(String(form['change'])) ?? [];
  const asked = { ...readAsked(form), after: undefined };
  const named = [form['id']]
    .flat()
    .filter((id) => typeof id === 'string' && /^\d{1,18}$/.test(id)) as string[];
  const ids = scope === 'selected' ? named : [];
  const understood = await understand(db, asked);
  if (change === undefined || typeof understood === 'string')
    throw new Refusal(422, 'invalid-body', 'The form does not say which jobs to change, and how');
  if (scope === 'selected' && ids.length === 0)
    return c.body(null, 303, { Location: `/jobs/list?${toQuery(asked)}&done=none` });
  const filter = scope === 'selected' ? { ids, ...stateOf(understood) } : understood;
  const kindOfChange = change as 'retry' | 'drop';
  if (form['confirmed'] !== 'yes') {
    const [sample, found] = await Promise.all([
      listJobs(db, filter, { limit: mostOnOverview, searchAtMost }),
      countChangeable(db, filter),
    ]);
    const title = kindOfChange === 'retry' ? 'Try these jobs now?' : 'Give these jobs up?';
    return show(c, { title }, questionView({ asked, ids, change: kindOfChange, found, sample }));
  }
  const deed = { who: whoIs(c)!, filter, signal: AbortSignal.timeout(longestChangeMs) };
  const { changed, more } = await (kindOfChange === 'retry' ? retryJobs(db, deed) : dropJobs(db, deed));
  wakeWorker();
  const query = `${toQuery(asked)}&done=${kindOfChange}&count=${changed}${more ? '&more=1' : ''}`;
  return c.body(null, 303, { Location: `/jobs/list?${query}` });
}

/** Selected jobs that have meanwhile left the listed state are not changed. */
function stateOf({ state }: JobFilter): { state?: JobState } {
  return state === undefined ? {} : { state };
}

/** Jobs that are done can neither be retried nor dropped. */
async function countChangeable(db: Db, filter: JobFilter): Promise<JobCount> {
  if (filter.state === 'done') return { count: 0, more: false };
  return countMatching(db, filter, countedTo, searchAtMost);
}

/** The notice after a change. The address names it, and only texts of this function are shown. */
function noticeOf(request: HonoRequest): string | undefined {
  const done = request.query('done');
  const count = Number(request.query('count')) || 0;
  if (done === 'none') return 'No job was selected.';
  if (done === 'pause') return 'The kind is paused.';
  if (done === 'run') return 'A worker runs the task within seconds.';
  if (done === 'resume') return 'The kind is worked again.';
  if (done !== 'retry' && done !== 'drop') return undefined;
  const told = `${tellCount({ count, more: false })} ${count === 1 ? 'job' : 'jobs'} ${changeWords[done].done}.`;
  return request.query('more') === undefined ? told : `${told} There are more: do it again.`;
}

/** A name with several fields becomes a list. */
export function readForm(request: HonoRequest): Promise<Record<string, unknown>> {
  return request.parseBody({ all: true }).catch((cause: unknown) => {
    throw new Refusal(422, 'invalid-body', 'The form cannot be read', { cause });
  });
}
