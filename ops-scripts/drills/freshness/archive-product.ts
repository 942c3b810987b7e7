// Archives one product and publishes it again at a new price, over and over, with `ops catalog`.
// An odd value means published at that price, an even one means archived.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DrillRegion } from '../region.ts';
import { newestChange, toldUpTo } from './ask-stores.ts';
import type { Oracle } from './oracle.ts';

export interface ArchiveOptions {
  region: DrillRegion;
  slug: string;
  oracle: Oracle;
  now: () => number;
  signal: AbortSignal;
}

const restMs = 8_000;
const againMs = 250;

/** Finishes the present import when aborted, without waiting until every cache knows of it. */
export async function archiveAndPublish({
  region,
  slug,
  oracle,
  now,
  signal,
}: ArchiveOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'myclothes-archive-'));
  const file = join(folder, 'archive.csv');
  const until = async (isSo: () => Promise<boolean>) => {
    while (!signal.aborted && !(await isSo().catch(() => false))) await delay(againMs);
  };
  while (!signal.aborted) {
    const value = oracle.begin(oracle.archivable);
    await writeFile(file, describeProduct(slug, value));
    // The same file again does no harm where it is not known whether it was taken in.
    await until(() => importFile(region, file));
    let newest: string | undefined;
    await until(async () => {
      newest = await newestChange(region.ofKind('postgres-primary'));
      return true;
    });
    await until(async () => newest !== undefined && toldUpTo(region.ofKind('postgres-primary'), newest));
    if (!signal.aborted) oracle.finish(oracle.archivable, value, now());
    await delay(restMs, undefined, { signal }).catch(() => undefined);
  }
  await rm(folder, { recursive: true, force: true });
}

/** Of all states begun so far, the newest without the product: an absence does not tell which one it is. */
export function newestAbsence(begun: number): number {
  return begun % 2 === 0 ? begun : begun - 1;
}

function describeProduct(slug: string, value: number): string {
  const columns = {
    Handle: slug,
    Title: 'Archivable product of the drill',
    Published: value % 2 === 1 ? 'true' : 'false',
    Status: value % 2 === 1 ? 'active' : 'archived',
    'Option1 Name': 'Title',
    'Option1 Value': 'Default Title',
    'Variant SKU': slug,
    'Variant Price': (value / 100).toFixed(2),
    'Variant Inventory Qty': '5',
  };
  return `${Object.keys(columns).join(',')}\n${Object.values(columns).join(',')}\n`;
}

async function importFile(region: DrillRegion, file: string): Promise<boolean> {
  const { url } = region.ofKind('postgres-primary');
  const child = spawn(process.execPath, ['ops-scripts/main.ts', 'catalog', 'import', file], {
    stdio: 'ignore',
    env: { ...process.env, DATABASE_URL: url },
  });
  const [code] = await once(child, 'exit');
  return code === 0;
}
