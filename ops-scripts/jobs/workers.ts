// `ops jobs workers`: the workers and edges with their state, as the console's first page has them.
import { Command } from 'commander';
import { countPendingPurges } from '../../origin/outbox/pending-purges.ts';
import { type KnownEdge, listEdges, readReports, type WorkerReport } from '../../worker/reports.ts';
import { openDatabase } from '../connect-stores.ts';

export function workersCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('workers')
    .description('List the workers and the edges with their state')
    .option('--json', 'print one JSON object a line')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env);
      const { db } = database;
      const [workers, pending] = await Promise.all([readReports(db), countPendingPurges(db)]);
      const edges = listEdges(workers, pending);
      for (const { edges: _, ...worker } of workers)
        console.log(json ? JSON.stringify(worker) : tellWorker(worker));
      for (const { url, ...edge } of edges)
        console.log(json ? JSON.stringify({ edge: url, ...edge }) : tellEdge({ url, ...edge }));
      if (!json && workers.length === 0) console.log('No worker has told of itself yet');
    });
}

function tellWorker({
  worker,
  host,
  pid,
  startedAt,
  seenAt,
  isSilent,
  purges,
  mailServerAway,
}: Omit<WorkerReport, 'edges'>): string {
  const state = isSilent ? `silent since ${seenAt.toISOString()}` : 'works';
  const does = `jobs${purges ? ', purges the edges' : ''}${mailServerAway ? ', waits for the mail server' : ''}`;
  return `${worker}  ${state}  ${does}  started ${startedAt.toISOString()}  process ${pid} on ${host}`;
}

function tellEdge({ url, state, silentMs, unconfirmedTags }: KnownEdge): string {
  const since = silentMs === null ? '' : ` for ${(silentMs / 1_000).toFixed(0)} s`;
  return `edge ${url}  ${state}${since}  ${unconfirmedTags} ${unconfirmedTags === 1 ? 'tag' : 'tags'} unconfirmed`;
}
