// `ops catalog`: product files in and out.
import { open } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { loadDemoCatalog } from '../../origin/catalog/demo/load-demo-catalog.ts';
import { openDatabase } from '../connect-stores.ts';
import { exportCatalog } from './export-catalog.ts';
import { type ImportReport, importCatalog } from './import-catalog.ts';

export function catalogCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('catalog')
    .addCommand(importCommand(env))
    .addCommand(exportCommand(env))
    .addCommand(demoCommand(env));
}

const queryTimeoutMs = 60_000;

function importCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('import')
    .description('Make or change products by a file; finds them again by handle and SKU, removes none')
    .argument('<file>', "Shopify's product CSV, or - for standard input")
    .option('--dry-run', 'check everything, keep nothing')
    .addHelpText(
      'after',
      '\nExit code: 0 all rows imported, 1 the file could not be imported, 2 some rows were bad',
    )
    .action(async (file: string, options: { dryRun?: boolean }) => {
      const source = await openSource(file);
      await using database = await openDatabase(env, queryTimeoutMs);
      const showProgress = progress();
      const report = await importCatalog(database.db, source, {
        dryRun: options.dryRun ?? false,
        onFault: ({ line, reason }) => console.error(`line ${line} ${reason}`),
        onProgress: showProgress,
      });
      console.log(`${options.dryRun ? 'Dry run, nothing was kept: ' : ''}${summary(report)}`);
      if (report.faults > 0) process.exitCode = 2;
    });
}

function exportCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('export')
    .description('Write all products as a file that can be imported again')
    .argument('[file]', 'where to; standard output where absent')
    .action(async (file: string | undefined) => {
      const target = file === undefined ? undefined : await openTarget(file);
      await using database = await openDatabase(env, queryTimeoutMs);
      const lines = Readable.from(exportCatalog(database.db));
      if (target !== undefined) return pipeline(lines, target);
      await pipeline(lines, process.stdout, { end: false }).catch((error: NodeJS.ErrnoException) => {
        // Whoever reads it has seen enough, as `head` does.
        if (error.code !== 'EPIPE') throw error;
      });
    });
}

function demoCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('demo').description('Add the demo catalog where it is missing').action(async () => {
    await using database = await openDatabase(env, queryTimeoutMs);
    const made = await loadDemoCatalog(database.db);
    console.log(made === 0 ? 'The demo catalog stands already' : `${made} products made`);
  });
}

async function openTarget(file: string): Promise<Writable> {
  try {
    return (await open(file, 'w')).createWriteStream();
  } catch (error) {
    throw new Error(`Cannot write '${file}': ${reasonOf(error)}`);
  }
}

const whyNot: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such folder',
  EACCES: 'this user may not',
  EISDIR: 'it is a folder',
};

/** What cannot be read is told before the database is asked. */
async function openSource(file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') return process.stdin;
  try {
    const opened = await open(file);
    if (!(await opened.stat()).isDirectory()) return opened.createReadStream();
    await opened.close();
    throw Object.assign(new Error('A folder'), { code: 'EISDIR' });
  } catch (error) {
    throw new Error(`Cannot read '${file}': ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return whyNot[code] ?? message;
}

/** At most once in two seconds, so that it can stand in a log. */
function progress(): (report: ImportReport) => void {
  let shownAtMs = performance.now();
  return (report) => {
    if (performance.now() - shownAtMs < 2_000) return;
    shownAtMs = performance.now();
    console.error(`… ${summary(report)}`);
  };
}

function summary(report: ImportReport): string {
  const { rows, created, changed, unchanged, refused, faults } = report;
  const parts = [
    `${rows} rows`,
    `${created} products created`,
    `${changed} changed`,
    `${unchanged} unchanged`,
  ];
  if (refused > 0) parts.push(`${refused} refused`);
  if (faults > 0) parts.push(`${faults} bad rows`);
  return parts.join(', ');
}
