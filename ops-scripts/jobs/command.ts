// `ops jobs`: counts jobs, lists them, groups them by error, shows one with its attempts; retries, drops, pauses.
import { Command, InvalidArgumentError, Option } from 'commander';
import { readAttempts } from '../../origin/outbox/attempts.ts';
import { readLog, readPausedKinds } from '../../origin/outbox/change-jobs.ts';
import { outboxKinds } from '../../origin/outbox/events.ts';
import {
  groupErrors,
  type Job,
  type JobFilter,
  jobStates,
  listJobs,
  readJob,
} from '../../origin/outbox/find-jobs.ts';
import { countedTo, countJobs } from '../../origin/outbox/measure.ts';
import type { Db } from '../../origin/schema.ts';
import { readTrace } from '../../worker/console/trace.ts';
import { type FigureSpan, figureSpans, readFigures } from '../../worker/figures.ts';
import { openQueues } from '../../worker/queues.ts';
import { askToRunTask, readTaskRuns } from '../../worker/reports.ts';
import { fitTerminal } from '../command-line.ts';
import { openDatabase, openRedis } from '../connect-stores.ts';
import {
  addFilter,
  addName,
  changeCommand,
  collectIds,
  drop,
  type FilterOptions,
  kindCommand,
  pause,
  readId,
  resume,
  retry,
  toFilter,
} from './change.ts';
import { workersCommand } from './workers.ts';

export function jobsCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('jobs')
    .addCommand(statusCommand(env))
    .addCommand(listCommand(env))
    .addCommand(groupsCommand(env))
    .addCommand(deadCommand(env))
    .addCommand(showCommand(env))
    .addCommand(traceCommand(env))
    .addCommand(changeCommand(env, retry))
    .addCommand(changeCommand(env, drop))
    .addCommand(kindCommand(env, pause))
    .addCommand(kindCommand(env, resume))
    .addCommand(throughputCommand(env))
    .addCommand(workersCommand(env))
    .addCommand(tasksCommand(env))
    .addCommand(runCommand(env))
    .addCommand(logCommand(env));
}

function statusCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('status')
    .description('Count jobs by kind and state')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const { db } = database;
      const inQueue = await countQueues(env);
      const [{ counts, depth: outbox }, paused] = await Promise.all([countJobs(db), readPausedKinds(db)]);
      const isPaused = (kind: string) => paused.some((one) => one.kind === kind);
      if (json) {
        const queues = outboxKinds.map((kind) => ({
          queue: kind,
          inQueue: inQueue[kind],
          ...Object.fromEntries(jobStates.map((state) => [state, counts[kind][state].count])),
          countedInPart: jobStates.filter((state) => counts[kind][state].more),
          paused: isPaused(kind),
        }));
        return console.log(JSON.stringify({ queues, outbox, countedTo }));
      }
      const told = outboxKinds.map((kind) => ({
        queue: kind,
        inQueue: inQueue[kind],
        ...Object.fromEntries(
          jobStates.map((state) => [
            state,
            `${counts[kind][state].count}${counts[kind][state].more ? '+' : ''}`,
          ]),
        ),
        paused: isPaused(kind) ? 'yes' : '-',
      }));
      for (const line of tabulate(told)) console.log(line);
      console.log(
        `outbox: ${outbox.pending} due, oldest waits ${outbox.lagSeconds.toFixed(1)} s, ${outbox.failing} failed and tried again, ${outbox.dead} given up`,
      );
      if (Math.max(outbox.pending, outbox.failing, outbox.dead) >= countedTo)
        console.log(`${countedTo} means so many or more`);
    });
}

/** Counts jobs that are in the queues in Redis and that no worker has begun. */
async function countQueues(env: NodeJS.ProcessEnv): Promise<Record<string, number>> {
  const redis = await openRedis(env);
  const queues = openQueues(redis, () => undefined);
  const counts = await Promise.all(
    outboxKinds.map(async (kind) => [kind, await queues[kind].getWaitingCount()] as const),
  );
  await Promise.all(Object.values(queues).map((queue) => queue.close()));
  redis.disconnect();
  return Object.fromEntries(counts);
}

interface ListOptions extends FilterOptions {
  json?: boolean;
}

function listCommand(env: NodeJS.ProcessEnv): Command {
  return addFilter(new Command('list'))
    .description('List jobs; without --state or --about those that failed, newest first')
    .argument('[ids...]', 'only these', collectIds)
    .option('--limit <n>', 'how many at most', readCount, 100)
    .option('--json', 'print one JSON object a line')
    .action(async (ids: string[] | undefined, options: ListOptions & { limit: number }) => {
      await using database = await openDatabase(env);
      const { json, limit } = options;
      await printJobs(database.db, await toFilter(database.db, options, ids), limit, json === true);
    });
}

function deadCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('dead')
    .description('List the dead letters: jobs that were given up')
    .option('--json', 'print one JSON object a line')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      await printJobs(database.db, { state: 'dead' }, 100, json === true);
    });
}

async function printJobs(db: Db, filter: JobFilter, limit: number, asJson: boolean): Promise<void> {
  const jobs = await listJobs(db, filter, { limit });
  for (const { cursor: _, ...job } of jobs) console.log(asJson ? JSON.stringify(job) : tellJob(job));
  if (asJson || jobs.length > 0) return;
  const { state, subjects, ids } = filter;
  const askedForFailed =
    subjects === undefined &&
    ids === undefined &&
    (state === undefined || state === 'failing' || state === 'dead');
  console.log(askedForFailed ? 'Nothing has failed' : 'There are no such jobs');
}

function tellJob(job: Omit<Job, 'cursor'>): string {
  const next = {
    dead: 'given up',
    done: `done ${job.doneAt?.toISOString()}`,
    waiting: `due ${job.nextTryAt?.toISOString()}`,
    due: 'due now',
    failing: `next try ${job.nextTryAt?.toISOString()}`,
  }[job.state];
  const failed = job.failures > 0 || job.failure !== null ? `  failed ${job.failures}×` : '';
  const reason = job.failure === null ? '' : `  ${oneLine(job.failure)}`;
  return `${job.id}  ${job.kind}  ${job.committedAt.toISOString()}${failed}  ${next}${reason}`;
}

/** The most jobs that are counted in a group, so that a million of one error still answers soon. */
const mostOfGroup = 100_000;

function groupsCommand(env: NodeJS.ProcessEnv): Command {
  return addFilter(new Command('groups'))
    .description('Group the jobs that failed by their error, the largest group first')
    .argument('[ids...]', 'only these', collectIds)
    .option('--json', 'print one JSON object a line')
    .action(async (ids: string[] | undefined, { json, ...options }: ListOptions) => {
      await using database = await openDatabase(env);
      const { db } = database;
      const groups = await groupErrors(db, await toFilter(db, options, ids), mostOfGroup);
      for (const group of groups) {
        const { count, more, failing, dead, firstSeen, lastSeen, kind } = group;
        const seen = `first ${firstSeen.toISOString()}  last ${lastSeen.toISOString()}`;
        const states = `${failing} failing, ${dead} dead`;
        console.log(
          json
            ? JSON.stringify(group)
            : `${group.group}  ${kind}  ${count}${more ? ' or more' : ''} (${states})  ${seen}  ${oneLine(group.error)}`,
        );
      }
      if (!json && groups.length === 0) console.log('Nothing has failed');
    });
}

function showCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('show')
    .description('Show one job with its payload and its attempts')
    .argument('<id>', 'which', readId)
    .option('--json', 'print one JSON object')
    .action(async (id: string, { json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const { db } = database;
      const [job, attempts] = await Promise.all([readJob(db, id), readAttempts(db, [id])]);
      if (job === undefined) throw new Error(`Cannot show job ${id} as there is none`);
      const { cursor: _, ...shown } = job;
      const tried = attempts.get(id)!;
      if (json) return console.log(JSON.stringify({ ...shown, tried }));
      for (const [name, value] of Object.entries(shown)) {
        if (value === null) continue;
        const text = value instanceof Date ? value.toISOString() : value;
        const told = typeof text === 'object' ? JSON.stringify(text) : String(text);
        console.log(`${name.padEnd(14)} ${cutShort(told)}`);
      }
      for (const { attempt, worker, startedAt, tookMs, outcome, error } of tried) {
        const end = error === null ? outcome : `${outcome}: ${oneLine(error)}`;
        console.log(
          `attempt ${attempt}  ${startedAt.toISOString()}  ${tookMs.toFixed(1)} ms  ${worker}  ${end}`,
        );
      }
    });
}

function traceCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('trace')
    .description('Show what happened to a change, an order or a mail, from the request to the last cache')
    .argument('<id>', "a job's or invalidation's id, an order's number, a product's slug, an e-mail address")
    .option('--json', 'print one JSON object')
    .action(async (id: string, { json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const trace = await readTrace(database.db, id);
      if (trace === undefined)
        throw new Error(`Cannot trace '${id}': no job, order, product or account is known by it`);
      if (json) return console.log(JSON.stringify(trace));
      for (const { at, sinceStartMs, what, jobId } of trace.events) {
        const job = jobId === null || trace.jobs.length === 1 ? '' : `  [${jobId}]`;
        const line = `${`+${sinceStartMs.toFixed(0)} ms`.padStart(12)}  ${at.toISOString()}  ${what}${job}`;
        console.log(fitTerminal(line));
      }
      if (trace.events.length === 0) console.log('Nothing is known to have happened');
      else console.log(trace.tookMs === null ? 'Not over yet' : `Over after ${trace.tookMs.toFixed(0)} ms`);
    });
}

function throughputCommand(env: NodeJS.ProcessEnv): Command {
  const spans = Object.keys(figureSpans);
  return new Command('throughput')
    .description(
      'Tell how many jobs of each kind were done, how many attempts failed, and how long jobs took',
    )
    .addOption(new Option('--over <span>', 'the last').choices(spans).default('hour'))
    .option('--json', 'print one JSON object a line')
    .action(async ({ over, json }: { over: FigureSpan; json?: boolean }) => {
      await using database = await openDatabase(env);
      const tell = (ms: number | null) => (ms === null ? '-' : `${ms.toFixed(0)} ms`);
      for (const figures of await readFigures(database.db, over)) {
        const { kind, done, failed, halfWithinMs, mostWithinMs, runsWithinMs } = figures;
        console.log(
          json
            ? JSON.stringify({ over, ...figures })
            : `${kind.padEnd(16)} ${done} done, ${failed} attempts failed; from due to done: half within ${tell(halfWithinMs)}, 95 % within ${tell(mostWithinMs)}; 95 % of attempts took ${tell(runsWithinMs)}`,
        );
      }
    });
}

function tasksCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('tasks')
    .description('List the timed tasks of the workers: when each ran last, and when it runs next')
    .option('--json', 'print one JSON object a line')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const runs = await readTaskRuns(database.db);
      for (const run of runs) {
        const { task, startedAt, tookMs, everyMs, error, worker } = run;
        const nextAt = new Date(Number(startedAt) + tookMs + everyMs);
        const outcome = error === null ? `took ${tookMs} ms` : `failed: ${oneLine(error)}`;
        const next = everyMs < 10_000 ? `every ${everyMs / 1_000} s` : `next ${nextAt.toISOString()}`;
        console.log(
          json
            ? JSON.stringify({ ...run, nextAt })
            : `${task}: last ${startedAt.toISOString()} on ${worker}, ${outcome}; ${next}`,
        );
      }
      if (!json && runs.length === 0) console.log('No worker has run a task yet');
    });
}

function runCommand(env: NodeJS.ProcessEnv): Command {
  return addName(new Command('run'))
    .description('Run a timed task now: a worker begins it within seconds')
    .argument('<task>', "as 'jobs tasks' names it, in quotes")
    .option('--json', 'print one JSON object')
    .action(async (task: string, { as: who, json }: { as: string; json?: boolean }) => {
      await using database = await openDatabase(env);
      if (!(await askToRunTask(database.db, task, who))) {
        const names = (await readTaskRuns(database.db)).map((run) => `'${run.task}'`);
        throw new Error(`Cannot run '${task}': the tasks are ${names.join(', ') || 'not known yet'}`);
      }
      console.log(json ? JSON.stringify({ task, action: 'run' }) : `A worker runs '${task}' within seconds`);
    });
}

function logCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('log')
    .description('List what operators did to jobs, newest first')
    .option('--limit <n>', 'how many at most', readCount, 100)
    .option('--json', 'print one JSON object a line')
    .action(async ({ json, limit }: { json?: boolean; limit: number }) => {
      await using database = await openDatabase(env);
      for (const { id: _, ...deed } of await readLog(database.db, limit)) {
        const jobs = deed.jobs === null ? '' : `  ${deed.jobs} ${deed.jobs === 1 ? 'job' : 'jobs'}`;
        console.log(
          json
            ? JSON.stringify(deed)
            : `${deed.at.toISOString()}  ${deed.who}  ${deed.action}  ${deed.target}${jobs}`,
        );
      }
    });
}

const mostShown = 2_000;

/** A change can be long: the import of a whole catalog is one change with thousands of tags. */
function cutShort(text: string): string {
  if (text.length <= mostShown) return text;
  return `${text.slice(0, mostShown)}… (${text.length} characters: --json tells all)`;
}

/** An error can have several lines, such as the answer of a mail server. */
function oneLine(error: string | null): string {
  return (error ?? '').replaceAll(/\s+/g, ' ');
}

/** Formats one line for each count and one column for each queue. */
function tabulate(rows: { queue: string }[]): string[] {
  const counts = rows.map((row) => new Map<string, unknown>(Object.entries(row)));
  const widths = rows.map(({ queue }) => Math.max(queue.length, 6));
  return [...counts[0]!.keys()].map((key) => {
    const cells = counts.map((row, at) => String(row.get(key) ?? 0).padStart(widths[at]!));
    return `${(key === 'queue' ? '' : key).padEnd(10)}${cells.join('  ')}`;
  });
}

function readCount(value: string): number {
  if (!/^[1-9]\d{0,4}$/.test(value)) throw new InvalidArgumentError('It is a number from 1 to 99999.');
  return Number(value);
}
