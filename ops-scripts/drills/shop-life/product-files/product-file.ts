// Writes and reads product files as rows by column, and imports and exports them with `ops catalog`.

import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import type { ShopLife } from '../life.ts';

export type Row = Record<string, string>;

export function writeFileOf(columns: string[], rows: Row[]): string {
  return stringify([columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))]);
}

export interface ProductFile {
  columns: string[];
  /** In the order of the file. */
  byHandle: Map<string, Row[]>;
}

export function readFileOf(text: string): ProductFile {
  const [columns = [], ...records] = parse(text, { bom: true, relax_column_count: true }) as string[][];
  const byHandle = new Map<string, Row[]>();
  const handleAt = columns.indexOf('Handle');
  for (const record of records) {
    const handle = record[handleAt] ?? '';
    const rows = byHandle.get(handle) ?? [];
    rows.push(Object.fromEntries(columns.map((column, index) => [column, record[index] ?? ''])));
    byHandle.set(handle, rows);
  }
  return { columns, byHandle };
}

/** All cells of one column of one product, from top to bottom. */
export function cellsOf(rows: Row[], column: string): string[] {
  return rows.map((row) => row[column] ?? '');
}

const mostAttempts = 5;
const againMs = 2_000;

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `ops` as an operator would. It repeats the command if a store was away meanwhile. */
async function runOps({ shop, outages }: ShopLife, args: string[]): Promise<Ran> {
  for (let attempt = 1; ; attempt++) {
    const fromMs = Date.now();
    const ran = await runOnce(shop.environment, args);
    const away = outages.overlap(fromMs, Date.now(), ['postgres', 'redis']);
    if (ran.code === 0 || !away || attempt === mostAttempts) return ran;
    await delay(againMs);
  }
}

function runOnce(env: NodeJS.ProcessEnv, args: string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['ops-scripts/main.ts', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const parts: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
    child.stdout.on('data', (part: Buffer) => parts.stdout.push(part));
    child.stderr.on('data', (part: Buffer) => parts.stderr.push(part));
    child.on('error', reject);
    child.on('close', (code) => {
      const text = (name: 'stdout' | 'stderr') => Buffer.concat(parts[name]).toString('utf8');
      resolve({ code, stdout: text('stdout'), stderr: text('stderr') });
    });
  });
}

/**
 * Exports a product file with `ops catalog`.
 * @returns the file's text @throws if it cannot be written
 */
export async function exportCatalog(life: ShopLife): Promise<string> {
  const { code, stdout, stderr } = await runOps(life, ['catalog', 'export']);
  if (code !== 0) throw new Error(`Cannot export the catalog: ${stderr.trim() || `exit code ${code}`}`);
  return stdout;
}

/** @throws if a row of the file was bad */
export async function importCatalog(life: ShopLife, name: string, text: string): Promise<string> {
  const file = join(life.shop.folder, name);
  await writeFile(file, text);
  const { code, stdout, stderr } = await runOps(life, ['catalog', 'import', file]);
  if (code !== 0)
    throw new Error(
      `Cannot import ${name} whole (exit code ${code}): ${`${stderr} ${stdout}`.trim().slice(0, 600)}`,
    );
  return stdout.trim();
}
