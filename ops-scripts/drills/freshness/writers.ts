// Raises prices and stocks, one change at a time for each number.
// The writers read from the outbox which changes are done, and pause replay on a replica.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import type { DrillRegion, DrillRegionPart } from '../region.ts';
import type { CatalogChange, StaffClient } from '../staff.ts';
import type { Oracle, Slot, Subject } from './subjects.ts';

interface WriterOptions {
  staff: StaffClient;
  oracle: Oracle;
  subjects: Subject[];
  random: SeededRandom;
  writers: number;
  /** The longest pause of a writer between two changes. */
  restMs: number;
  now: () => number;
  /** Whether the region is whole and no fault runs. */
  isQuiet: () => boolean;
  signal: AbortSignal;
}

export interface Written {
  acknowledged: number;
  /** Changes that were acknowledged but not done a minute later. */
  neverDone: number;
  /** Milliseconds from commit to done, by the shop's own times. */
  doneMs: number[];
  /** The same for changes that began and ended without a fault. */
  quietDoneMs: number[];
}

const doneWithinMs = 90_000;

export async function writeUntil(options: WriterOptions): Promise<Written> {
  const written: Written = { acknowledged: 0, neverDone: 0, doneMs: [], quietDoneMs: [] };
  const waiting = new Set<Promise<void>>();
  const write = async (random: SeededRandom) => {
    while (!options.signal.aborted) {
      const idle = options.oracle.idle();
      if (idle.length > 0) await changeOne(options, written, waiting, random.pick(idle));
      await delay(random.integer(0, options.restMs));
    }
  };
  const writers = Array.from({ length: options.writers }, (_, number) =>
    write(options.random.fork(`writer ${number}`)),
  );
  await Promise.all(writers);
  await Promise.all(waiting);
  return written;
}

async function changeOne(
  { staff, oracle, subjects, now, isQuiet }: WriterOptions,
  written: Written,
  waiting: Set<Promise<void>>,
  slot: Slot,
): Promise<void> {
  const value = oracle.begin(slot);
  const beganQuiet = isQuiet();
  const invalidation = await staff.change(toChange(subjects[slot >> 1]!, slot, value));
  // A change without an acknowledgement may still arrive. Its number stays in progress, and nothing is expected of it.
  if (invalidation === undefined) return;
  written.acknowledged += 1;
  const follow = staff.awaitDone(invalidation, doneWithinMs).then((done) => {
    if (done === undefined) {
      written.neverDone += 1;
      return;
    }
    oracle.finish(slot, value, now());
    const tookMs = Date.parse(done.doneAt!) - Date.parse(done.committedAt);
    written.doneMs.push(tookMs);
    if (beganQuiet && isQuiet()) written.quietDoneMs.push(tookMs);
  });
  waiting.add(follow);
  void follow.finally(() => waiting.delete(follow));
  if (invalidation.state === 'done') await follow;
}

function toChange({ id, variantId }: Subject, slot: Slot, value: number): CatalogChange {
  return slot % 2 === 0
    ? {
        method: 'PATCH',
        path: `/api/staff/products/${id}`,
        body: { price: { amount: value, currency: 'EUR' } },
      }
    : { method: 'PUT', path: `/api/staff/variants/${variantId}/stock`, body: { stock: value } };
}

// Archives one product and publishes it again at a new price, over and over, with `ops catalog`.
// An odd value means published at that price, an even one means archived.

interface ArchiveOptions {
  region: DrillRegion;
  slug: string;
  oracle: Oracle;
  now: () => number;
  signal: AbortSignal;
}

const restMs = 8_000;
const againMs = 250;

/** When aborted, it finishes the current import without waiting until every cache has it. */
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
    // An import whose result is not known is repeated. Importing the same file again does no harm.
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

/** The newest state without the product among those begun so far: a missing product does not show which one it is. */
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

const commandMs = 5_000;

/** The error of a query that a replica cancels, because the query conflicts with replay. It may be repeated. */
const conflictWithRecovery = '40001';
const triesAtPause = 10;

/** Pauses replay on a replica: for so long it answers with what it had at the beginning. */
export function pauseReplay(replica: DrillRegionPart, ms: number): Promise<void> {
  return withPostgres(replica, async (client) => {
    await pauseDespiteConflicts(client, triesAtPause);
    await delay(ms);
    await client.query('select pg_wal_replay_resume()');
  });
}

async function pauseDespiteConflicts(client: pg.Client, tries: number): Promise<void> {
  try {
    await client.query('select pg_wal_replay_pause()');
  } catch (error) {
    if ((error as pg.DatabaseError).code !== conflictWithRecovery || tries === 1) throw error;
    await pauseDespiteConflicts(client, tries - 1);
  }
}

/** @returns the id of the newest invalidation that was committed */
function newestChange(primary: DrillRegionPart): Promise<string> {
  return withPostgres(primary, async (client) => {
    const { rows } = await client.query("select max(id)::text as id from outbox where kind = 'invalidate'");
    return rows[0].id as string;
  });
}

/** @returns whether every invalidation up to that one is done */
function toldUpTo(primary: DrillRegionPart, id: string): Promise<boolean> {
  return withPostgres(primary, async (client) => {
    const { rowCount } = await client.query(
      "select from outbox where kind = 'invalidate' and state <> 'done' and id <= $1 limit 1",
      [id],
    );
    return rowCount === 0;
  });
}

async function withPostgres<T>(
  { url }: DrillRegionPart,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: commandMs,
    query_timeout: commandMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
