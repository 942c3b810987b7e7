// Drill: the whole shop is lost with its machine, and restored on a new one from a backup, by the runbook's commands.
// Compares the restored shop with what customers were told. Measures the lost time (RPO) and the downtime (RTO).
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readVariants, type StockedVariant } from '../traffic/read-catalog.ts';
import { seededRandom } from '../traffic/seeded-random.ts';
import type { DrillResult } from './drill.ts';
import { type BackupMoment, checkOneMoment, DrillCustomer, type Nobody } from './restore-customers.ts';
import { askPostgres } from './shop-life/shop/living-shop.ts';
import { type LocalShop, startLocalShop } from './shop-life/shop/local-shop.ts';
import { signInStaff } from './staff.ts';

const run = promisify(execFile);
const times = 2;
const manyPieces = 1_000_000;
/** Shared pages show the right stock after 5 s. */
const stockMs = 10_000;

interface RestoreRun {
  short?: boolean;
  seed: number;
  stopping: AbortSignal;
  progress(sentence: string): void;
}

interface Size {
  customers: number;
  beforeSeconds: number;
  afterSeconds: number;
}

/** The cost of one loss. */
export interface Loss {
  acknowledged: number;
  /** Writes that were acknowledged before the backup and are gone. */
  lost: number;
  /** Writes that were acknowledged after the backup and are gone with the machine. */
  goneSinceBackup: number;
  rpoSeconds: number;
  rtoSeconds: number;
  parts: string;
  backup: string;
  wrong: string[];
}

export async function runRestoreFromBackup(how: RestoreRun): Promise<DrillResult> {
  const folder = await mkdtemp(join(tmpdir(), 'restore-'));
  try {
    const losses = await loseAndRestore(how, folder);
    return conclude(losses, how.seed);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...conclude([], how.seed), errors: 1, notes: [reason] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loses and restores the shop twice, so that a restored shop is lost too. */
async function loseAndRestore(how: RestoreRun, folder: string): Promise<Loss[]> {
  const { short = false, seed, stopping, progress } = how;
  const size = short
    ? { customers: 4, beforeSeconds: 4, afterSeconds: 4 }
    : { customers: 12, beforeSeconds: 30, afterSeconds: 30 };
  const random = seededRandom(seed).fork('restore-from-backup');
  // By the runbook, keys, passwords and backups are stored outside of the machine.
  const kept = {
    BACKUP_KEY: randomBytes(24).toString('base64url'),
    COOKIE_KEYS: randomBytes(24).toString('base64url'),
  };
  progress('Starting the shop');
  let shop = await startLocalShop(kept, stopping);
  try {
    const variants = await stockVariants(shop);
    const customers = Array.from({ length: size.customers }, (_, at) => {
      const own = random.fork(`customer ${at}`);
      return new DrillCustomer({ url: shop.url, variants: variants.map(({ id }) => id), random: own, at });
    });
    for (const customer of customers) await customer.signUp();
    const losses: Loss[] = [];
    for (let time = 1; time <= times && !stopping.aborted; time++) {
      progress(`Loss ${time}: customers buy, a backup is made, they go on, the machine is lost`);
      const loser = new Loser(shop, { kept, folder, variants, stopping });
      const { restored, loss } = await loser.go(customers, size);
      shop = restored;
      losses.push(loss);
      progress(`Restored: ${loss.parts}`);
    }
    return losses;
  } finally {
    await shop[Symbol.asyncDispose]();
  }
}

interface Surroundings {
  kept: Record<string, string>;
  folder: string;
  variants: StockedVariant[];
  stopping: AbortSignal;
}

/** Loses one shop, and restores another in its place. */
class Loser {
  readonly #shop: LocalShop;
  readonly #around: Surroundings;

  constructor(shop: LocalShop, around: Surroundings) {
    this.#shop = shop;
    this.#around = around;
  }

  async go(customers: DrillCustomer[], size: Size): Promise<{ restored: LocalShop; loss: Loss }> {
    const goneBefore = customers.reduce((sum, { gone }) => sum + gone, 0);
    const stop = new AbortController();
    const buying = customers.map((customer) => customer.buyUntil(stop.signal));
    await delay(size.beforeSeconds * 1_000);
    const backup = await this.#backUp();
    await delay(size.afterSeconds * 1_000);
    const lineage = await lineageOf(this.#shop);
    const lostAtMs = performance.now();
    await this.#shop.lose();
    stop.abort();
    await Promise.all(buying);

    const restored = await startLocalShop(this.#around.kept, this.#around.stopping);
    const startedAtMs = performance.now();
    // Customers keep the old address until the restore is done, because the new shop is empty before.
    await ops(restored, ['backup', 'verify', backup.file]);
    const verifiedAtMs = performance.now();
    const told = await ops<{ lineage: string }>(restored, ['backup', 'restore', backup.file, '--yes']);
    const restoredAtMs = performance.now();
    for (const customer of customers) customer.url = restored.url;
    // The first customer is compared and buys before the others, because the downtime ends with its order.
    const found = [await customers[0]!.compare(backup)];
    const wrong = await buyAgain(customers[0]!);
    const servesAtMs = performance.now();
    for (const customer of customers.slice(1)) {
      found.push(await customer.compare(backup));
      wrong.push(...(await buyAgain(customer)));
    }
    const windows = found.filter((one) => typeof one !== 'string');
    wrong.push(...found.filter((one) => typeof one === 'string'), ...checkOneMoment(windows));
    wrong.push(...(await this.#compareStock(restored, customers)));
    if (told.lineage === lineage || told.lineage !== (await lineageOf(restored)))
      wrong.push(`The lineage is ${told.lineage}, after ${lineage}`);
    const total = (pick: (customer: DrillCustomer) => number) =>
      customers.reduce((sum, customer) => sum + pick(customer), 0);
    const seconds = (fromMs: number, toMs: number) => ((toMs - fromMs) / 1_000).toFixed(1);
    return {
      restored,
      loss: {
        acknowledged: total(({ acknowledged }) => acknowledged),
        goneSinceBackup: total(({ gone }) => gone) - goneBefore,
        lost: windows.reduce((sum, { lost }) => sum + lost, 0),
        rpoSeconds: (lostAtMs - backup.beganAtMs) / 1_000,
        rtoSeconds: (servesAtMs - lostAtMs) / 1_000,
        parts: `a new machine after ${seconds(lostAtMs, startedAtMs)} s, verified in ${seconds(startedAtMs, verifiedAtMs)} s, restored in ${seconds(verifiedAtMs, restoredAtMs)} s, compared and first order after ${seconds(restoredAtMs, servesAtMs)} s`,
        backup: `${backup.bytes} bytes, made in ${seconds(backup.beganAtMs, backup.endedAtMs)} s`,
        wrong,
      },
    };
  }

  async #backUp(): Promise<BackupMoment & { file: string; bytes: number }> {
    const beganAtMs = performance.now();
    const args = ['backup', 'create', '--to', join(this.#around.folder, 'backups')];
    const made = await ops<{ file: string; bytes: number }>(this.#shop, args);
    return { ...made, beganAtMs, endedAtMs: performance.now() };
  }

  /** Compares the stock with the initial stock less the pieces in the known orders. */
  async #compareStock({ url }: LocalShop, customers: DrillCustomer[]): Promise<string[]> {
    const sold = new Map<string, number>();
    for (const { ordered } of customers)
      for (const [variant, pieces] of ordered) sold.set(variant, (sold.get(variant) ?? 0) + pieces);
    let wrong: string[] = [];
    for (const until = performance.now() + stockMs; performance.now() < until; await delay(500)) {
      const left = new Map((await readVariants(url, 12)).map(({ id, available }) => [id, available]));
      wrong = this.#around.variants.flatMap(({ id, available }) => {
        const expected = available - (sold.get(id) ?? 0);
        const has = left.get(id) ?? 0;
        return has === expected ? [] : [`Variant ${id} has ${has} pieces, not ${expected}`];
      });
      if (wrong.length === 0) break;
    }
    return wrong;
  }
}

/** Buys with the earlier session and cart. @returns refusals */
async function buyAgain(customer: DrillCustomer): Promise<string[]> {
  const refusals: string[] = [];
  for (const deed of ['add', 'order'] as const) {
    const refusal = await customer.act(deed).catch((error: Nobody) => error.message);
    if (refusal !== undefined) refusals.push(`After the restore ${refusal}`);
  }
  return refusals;
}

/** Sets stock high enough that nothing sells out. */
async function stockVariants({ url, staff }: LocalShop): Promise<StockedVariant[]> {
  const variants = (await readVariants(url, 12)).slice(0, 24);
  const { change } = await signInStaff(url, staff, () => undefined);
  for (const { id } of variants) {
    const path = `/api/staff/variants/${id}/stock`;
    if ((await change({ method: 'PUT', path, body: { stock: manyPieces } })) === undefined)
      throw new Error(`Cannot set the stock of variant ${id}`);
  }
  return variants.map((variant) => ({ ...variant, available: manyPieces }));
}

async function lineageOf(shop: LocalShop): Promise<string> {
  const [row] = await askPostgres<{ id: string }>(shop, 'select value as id from database_lineage');
  return row!.id;
}

async function ops<Told>(shop: LocalShop, args: string[]): Promise<Told> {
  const command = ['ops-scripts/main.ts', ...args, '--json'];
  const { stdout } = await run(process.execPath, command, { env: shop.environment });
  return JSON.parse(stdout) as Told;
}

function conclude(losses: Loss[], seed: number): DrillResult {
  const sum = (pick: (loss: Loss) => number) => losses.reduce((total, loss) => total + pick(loss), 0);
  const most = (pick: (loss: Loss) => number) =>
    Math.round(10 * Math.max(0, ...losses.map((loss) => pick(loss)))) / 10;
  const wrong = losses.flatMap((loss) => loss.wrong);
  const lost = sum((loss) => loss.lost);
  return {
    drill: 'restore-from-backup',
    state: 'server',
    seed,
    acknowledged: losses.at(-1)?.acknowledged ?? 0,
    lost,
    duplicated: 0,
    errors: wrong.length,
    unavailableSeconds: most(({ rtoSeconds }) => rtoSeconds),
    recoverySeconds: most(({ rtoSeconds }) => rtoSeconds),
    verdict: losses.length === times && wrong.length + lost === 0 ? 'pass' : 'fail',
    notes: [
      ...losses.map(
        ({ rpoSeconds, rtoSeconds, goneSinceBackup, parts, backup }) =>
          `RPO ${rpoSeconds.toFixed(1)} s (the age of the backup; ${goneSinceBackup} acknowledged writes since), RTO ${rtoSeconds.toFixed(1)} s: ${parts}; the backup: ${backup}`,
      ),
      ...wrong.slice(0, 20),
    ],
  };
}
