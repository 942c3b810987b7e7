// `ops jobs`: how the background work stands, what was set aside, and bringing it back.
import { Command } from 'commander';
import {
  dropDeadRows,
  listDeadRows,
  measureOutbox,
  reviveDeadRows,
} from '../../origin/outbox/dead-letters.ts';
import { openQueues, queueStates } from '../../worker/queues.ts';
import { openDatabase, openRedis } from '../connect-stores.ts';

export function jobsCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('jobs')
    .addCommand(statusCommand(env))
    .addCommand(deadCommand(env))
    .addCommand(retryCommand(env))
    .addCommand(dropCommand(env));
}

function statusCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('status')
    .description('Count jobs by queue and state, and rows of the outbox')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const redis = await openRedis(env);
      const queues = openQueues(redis, () => undefined);
      const rows = await Promise.all(
        Object.entries(queues).map(async ([queue, open]) => ({
          queue,
          ...(await open.getJobCounts(...queueStates)),
        })),
      );
      const outbox = await measureOutbox(database.db);
      await Promise.all(Object.values(queues).map((queue) => queue.close()));
      redis.disconnect();
      if (json) return console.log(JSON.stringify({ queues: rows, outbox }));
      console.table(Object.fromEntries(rows.map(({ queue, ...counts }) => [queue, counts])));
      console.log(
        `outbox: ${outbox.pending} due, oldest waits ${outbox.lagSeconds.toFixed(1)} s, ${outbox.dead} set aside`,
      );
    });
}

function deadCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('dead')
    .description('List the jobs that were set aside after their last attempt, with the reason')
    .option('--json', 'print one JSON object a line')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const rows = await listDeadRows(database.db, 100);
      for (const row of rows) {
        console.log(
          json
            ? JSON.stringify(row)
            : `${row.id}  ${row.kind}  ${row.committedAt.toISOString()}  ${row.failure}`,
        );
      }
      if (!json && rows.length === 0) console.log('Nothing is set aside');
    });
}

function retryCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('retry')
    .description('Bring set-aside jobs back; the worker takes them within a second')
    .argument('[ids...]', 'which; all where none is named')
    .action(async (ids: string[]) => {
      checkIds('retry', ids);
      await using database = await openDatabase(env);
      const count = await reviveDeadRows(database.db, ids.length > 0 ? ids : undefined);
      console.log(`${count} ${count === 1 ? 'job' : 'jobs'} brought back`);
    });
}

function dropCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('drop')
    .description('Give set-aside jobs up for good; what they asked for stays undone')
    .argument('<ids...>', 'which')
    .action(async (ids: string[]) => {
      checkIds('drop', ids);
      await using database = await openDatabase(env);
      const count = await dropDeadRows(database.db, ids);
      console.log(`${count} ${count === 1 ? 'job' : 'jobs'} dropped`);
    });
}

function checkIds(what: string, ids: string[]): void {
  const wrong = ids.find((id) => !/^\d{1,18}$/.test(id));
  if (wrong !== undefined) throw new Error(`Cannot ${what} '${wrong}' as a job's id is a whole number`);
}
