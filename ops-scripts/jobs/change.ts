// `ops jobs retry|drop|pause|resume`: what changes jobs. It asks before more than one, and is written to the log.
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import {
  type DeedOutcome,
  dropJobs,
  type JobChange,
  pauseKind,
  resumeKind,
  retryJobs,
} from '../../origin/outbox/change-jobs.ts';
import { type OutboxKind, outboxKinds } from '../../origin/outbox/events.ts';
import { countMatching, type JobCount, type JobFilter } from '../../origin/outbox/find-jobs.ts';
import { countedTo } from '../../origin/outbox/measure.ts';
import type { Db } from '../../origin/schema.ts';
import { openDatabase } from '../connect-stores.ts';
import { addFilter, addName, collectIds, type FilterOptions, oneOf, toFilter } from './filter.ts';

interface Change {
  name: 'retry' | 'drop';
  description: string;
  done: string;
  change: (db: Db, deed: JobChange) => Promise<DeedOutcome>;
}

export const retry: Change = {
  name: 'retry',
  description: 'Try jobs now; a dead letter gets all its attempts anew',
  done: 'brought back',
  change: retryJobs,
};

export const drop: Change = {
  name: 'drop',
  description: 'Give jobs up for good; what they asked for stays undone',
  done: 'dropped',
  change: dropJobs,
};

interface ChangeOptions extends FilterOptions {
  as: string;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** Without ids and filters it would mean everything: that is refused, except that all dead letters may be retried. */
export function changeCommand(env: NodeJS.ProcessEnv, change: Change): Command {
  const { name, description, done } = change;
  return addName(addFilter(new Command(name)))
    .description(description)
    .argument('[ids...]', 'which; or choose by the options', collectIds)
    .option('--dry-run', 'only say how many')
    .option('--yes', 'do not ask before more than one')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[] | undefined, options: ChangeOptions) => {
      const { dryRun = false, yes, json, as: who } = options;
      await using database = await openDatabase(env);
      const { db } = database;
      const filter = await toFilter(db, options, ids);
      if (Object.keys(filter).length === 0) {
        if (name === 'drop')
          throw new Error('Cannot drop all that failed: name ids, or choose by --state, --kind, --error');
        filter.state = 'dead';
      }
      const found = await countChangeable(db, name, filter);
      const tell = (outcome: { jobs: number; changed: number; more?: boolean }, sentence: string) =>
        console.log(json ? JSON.stringify({ action: name, dryRun, ...outcome }) : sentence);
      if (dryRun)
        return tell({ jobs: found.count, changed: 0, more: found.more }, `${told(found)} would be ${done}`);
      if (found.count > 1 && !yes && !(await confirm(`${told(found)} will be ${done}. Go on? [y/N] `)))
        return tell({ jobs: found.count, changed: 0 }, 'Nothing was changed');
      const { changed } = await change.change(db, { who, filter });
      tell({ jobs: found.count, changed }, `${changed} ${changed === 1 ? 'job' : 'jobs'} ${done}`);
    });
}

/** What is done is neither repeated nor given up; what has not failed is dropped only where its state is named. */
async function countChangeable(db: Db, action: Change['name'], filter: JobFilter): Promise<JobCount> {
  if (filter.state !== undefined || (filter.ids === undefined && filter.subjects === undefined))
    return filter.state === 'done' ? { count: 0, more: false } : countMatching(db, filter, countedTo);
  const states =
    action === 'drop' ? (['failing', 'dead'] as const) : (['waiting', 'due', 'failing', 'dead'] as const);
  const counts = await Promise.all(states.map((state) => countMatching(db, { ...filter, state }, countedTo)));
  return {
    count: counts.reduce((sum, { count }) => sum + count, 0),
    more: counts.some(({ more }) => more),
  };
}

function told({ count, more }: JobCount): string {
  return `${count}${more ? ' or more' : ''} ${count === 1 && !more ? 'job' : 'jobs'}`;
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new Error(`${question.replace(/ Go on.*/, '')} Add --yes, as nobody can be asked here`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

interface KindChange {
  name: 'pause' | 'resume';
  description: string;
  change: (db: Db, kind: OutboxKind, who: string) => Promise<boolean>;
  done: string;
  already: string;
}

export const pause: KindChange = {
  name: 'pause',
  description: 'Begin no more jobs of a kind, on any worker, until it is resumed; what is under way ends',
  change: pauseKind,
  done: 'is paused',
  already: 'was paused already',
};

export const resume: KindChange = {
  name: 'resume',
  description: 'Work the jobs of a paused kind again',
  change: resumeKind,
  done: 'is worked again',
  already: 'was not paused',
};

export function kindCommand(env: NodeJS.ProcessEnv, { name, description, ...of }: KindChange): Command {
  return addName(new Command(name))
    .description(description)
    .argument('<kind>', outboxKinds.join(', '), oneOf(outboxKinds))
    .option('--json', 'print one JSON object')
    .action(async (kind: OutboxKind, { as: who, json }: { as: string; json?: boolean }) => {
      await using database = await openDatabase(env);
      const changed = await of.change(database.db, kind, who);
      console.log(
        json ? JSON.stringify({ kind, action: name, changed }) : `${kind} ${changed ? of.done : of.already}`,
      );
    });
}
