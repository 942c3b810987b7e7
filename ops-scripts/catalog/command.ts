// `ops catalog`: imports and exports product files, archives products and restores them.
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { reasonOf } from '../../http/system-faults.ts';
import { type Archived, archive } from '../../origin/catalog/change/archive.ts';
import { countProducts } from '../../origin/catalog/change/dirty-versions.ts';
import { loadDemoCatalog } from '../../origin/demo-catalog/load-demo-catalog.ts';
import { retryOnConflict } from '../../origin/postgres/postgres-errors.ts';
import type { Tx } from '../../origin/schema.ts';
import { openDatabase } from '../connect-stores.ts';
import { exportCatalog, replaceFile } from './export-catalog.ts';
import { type ImportReport, importCatalog } from './import-catalog.ts';
import type { RowFault } from './product-file.ts';

export function catalogCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('catalog')
    .addCommand(importCommand(env))
    .addCommand(exportCommand(env))
    .addCommand(archiveCommand(env, { name: 'archive', back: false }))
    .addCommand(archiveCommand(env, { name: 'bring-back', back: true }))
    .addCommand(demoCommand(env));
}

const queryTimeoutMs = 60_000;

function importCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('import')
    .description('Make or change products by a file; finds them again by handle and SKU, removes none')
    .argument('<file>', "Shopify's product CSV, or - for standard input")
    .option('--dry-run', 'check everything, keep nothing')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
A column that the file lacks leaves its values as they are; an empty cell
clears them. Separated by commas, semicolons or tabs; in UTF-8 or UTF-16.

Exit code: 0 all rows imported, 1 the file could not be imported,
2 some rows were bad`,
    )
    .action(async (file: string, options: { dryRun?: boolean; json?: boolean }) => {
      const source = await openSource(file);
      await using database = await openDatabase(env, queryTimeoutMs);
      const showProgress = progress();
      const report = await importCatalog(database.db, source, {
        dryRun: options.dryRun ?? false,
        onFault: ({ line, reason }) => console.error(`line ${line} ${reason}`),
        onNote: (note: RowFault) => console.error(`line ${note.line} (note) ${note.reason}`),
        onProgress: showProgress,
      });
      const dryRun = options.dryRun ?? false;
      const told = `${dryRun ? 'Dry run, nothing was kept: ' : ''}${summary(report)}`;
      console.log(options.json ? JSON.stringify({ ...report, dryRun }) : told);
      if (report.badRows > 0) process.exitCode = 2;
    });
}

function exportCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('export')
    .description('Write all products as a file that can be imported again')
    .argument('[file]', 'where to, replaced only when it is whole; standard output where absent')
    .action(async (file: string | undefined) => {
      await using database = await openDatabase(env, queryTimeoutMs);
      // The export sees one moment of the shop, however long it takes.
      const moment = database.db
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only');
      await moment.execute((tx) => (file === undefined ? writeOut(tx) : writeFile(tx, file)));
    });
}

async function writeFile(tx: Tx, file: string): Promise<void> {
  try {
    await replaceFile(file, () => exportCatalog(tx));
  } catch (error) {
    if (error instanceof Error && 'syscall' in error)
      throw new Error(`Cannot write '${file}': ${reasonOf(error)}`, { cause: error });
    throw error;
  }
}

async function writeOut(tx: Tx): Promise<void> {
  const lines = Readable.from(exportCatalog(tx));
  await pipeline(lines, process.stdout, { end: false }).catch((error: NodeJS.ErrnoException) => {
    // A reader such as `head` closes the pipe once it has read enough.
    if (error.code !== 'EPIPE') throw error;
  });
}

interface ArchiveOptions {
  sku?: string[];
  dryRun?: boolean;
  json?: boolean;
}

function archiveCommand(env: NodeJS.ProcessEnv, { name, back }: { name: string; back: boolean }): Command {
  return new Command(name)
    .description(
      back
        ? 'Put products or variants back on sale'
        : 'Take products or variants out of the shop; orders and carts still know them',
    )
    .argument('[handles...]', 'products, by the last part of their address')
    .option('--sku <sku...>', 'single variants; one that repeats means all that have it')
    .option('--dry-run', 'say what would be done, keep nothing')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExit code: 0 done, 1 something named is not known, and nothing was done')
    .action(async (handles: string[], options: ArchiveOptions, command: Command) => {
      const skus = [...new Set(options.sku ?? [])];
      const products = [...new Set(handles.map((handle) => handle.toLowerCase().normalize('NFC')))];
      if (products.length + skus.length === 0)
        command.error('Name a product, or a variant by --sku', { exitCode: 2 });
      await using database = await openDatabase(env, queryTimeoutMs);
      const done = await retryOnConflict(() =>
        database.db.transaction().execute(async (tx) => {
          const outcome = await archive(tx, { products, skus, back });
          await countProducts(tx);
          if (options.dryRun) throw new Undone(outcome);
          return outcome;
        }),
      ).catch((error: unknown) => {
        if (error instanceof Undone) return error.outcome;
        throw error;
      });
      if (done.unknown.length > 0)
        throw new Error(`Not known, so that nothing was done: ${done.unknown.join(', ')}`);
      const { dryRun = false, json } = options;
      const { products: changedProducts, variants, already } = done;
      const told = `${dryRun ? 'Dry run, nothing was kept: ' : ''}${archivedSummary(done, back)}`;
      console.log(json ? JSON.stringify({ products: changedProducts, variants, already, dryRun }) : told);
    });
}

/** Rolls a dry run back. */
class Undone extends Error {
  readonly outcome: Archived;

  constructor(outcome: Archived) {
    super('A dry run keeps nothing');
    this.outcome = outcome;
  }
}

function archivedSummary({ products, variants, already }: Archived, back: boolean): string {
  const did = back ? 'brought back' : 'archived';
  const parts = [`${products} products ${did}`, `${variants} variants ${did}`];
  if (already > 0) parts.push(`${already} were so already`);
  return parts.join(', ');
}

function demoCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('demo')
    .description('Add the demo catalog where it is missing')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      await using database = await openDatabase(env, queryTimeoutMs);
      const made = await loadDemoCatalog(database.db);
      const told = made === 0 ? 'The demo catalog stands already' : `${made} products made`;
      console.log(json ? JSON.stringify({ products: made }) : told);
    });
}

/** Opens the file before the database, so that an unreadable file is reported first. */
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

/** Reports progress at most once in two seconds, so that the lines fit into a log. */
function progress(): (report: ImportReport) => void {
  let shownAtMs = performance.now();
  return (report) => {
    if (performance.now() - shownAtMs < 2_000) return;
    shownAtMs = performance.now();
    console.error(`… ${summary(report)}`);
  };
}

function summary(report: ImportReport): string {
  const { rows, created, changed, unchanged, refused, badRows } = report;
  const parts = [
    `${rows} rows`,
    `${created} products created`,
    `${changed} changed`,
    `${unchanged} unchanged`,
  ];
  if (refused > 0) parts.push(`${refused} refused`);
  if (badRows > 0) parts.push(`${badRows} bad rows`);
  return parts.join(', ');
}
