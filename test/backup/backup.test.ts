// A backup restores the moment at which it was made, is refused if a byte of it was changed, and needs its key.
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { backupCommand } from '../../ops-scripts/backup/command.ts';
import { readLines } from '../../ops-scripts/backup/restore.ts';
import { readLineage } from '../../origin/postgres/lineage.ts';
import { hasMoto, startMoto } from '../compliance/support/moto.ts';
import { type Json, openShop, type Shop } from '../support/shop.ts';

const key = 'a-key-of-backups-with-32-letters-or-more';

let shop: Shop;
let folder: string;
beforeAll(async () => {
  shop = await openShop({ worker: true });
  folder = await mkdtemp(join(tmpdir(), 'myclothes-backups-'));
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function backup(args: string[], env: Record<string, string> = {}): Promise<string[]> {
  const said: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void said.push(String(line)));
  try {
    const given = { DATABASE_URL: shop.deps.settings.databaseUrl, DATA_DIR: folder, BACKUP_KEY: key, ...env };
    await backupCommand(given).parseAsync(args, { from: 'user' });
  } finally {
    log.mockRestore();
  }
  return said;
}
const asJson = async (...args: string[]): Promise<Json[]> =>
  (await backup([...args, '--json'])).map((line) => JSON.parse(line));

/**
 * Counts sessions of `ops`. A command with an open session only ends once the session has been idle for half a minute.
 */
async function countOpsSessions(): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::integer as n from pg_stat_activity where application_name = 'ops' and datname = current_database()`.execute(
    shop.deps.db,
  );
  return rows[0]!.n;
}

/**
 * The rows of all tables, except those that a restore itself changes: the lineage, the jobs, and the counter of events.
 */
async function contents(): Promise<Record<string, string>> {
  const { db } = shop.deps;
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname not in ('database_lineage', 'outbox', 'job_attempts', 'worker_reports', 'timed_task_runs', 'job_figures',
        'shop_event_counter')
    order by 1`.execute(db);
  const texts: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await sql<{ text: string }>`
      select coalesce(string_agg(t::text, E'\n' order by t::text), '') as text from ${sql.table(name)} t`.execute(
      db,
    );
    texts[name] = rows[0]!.text;
  }
  return texts;
}

test('A restore brings every row back as it was, begins a new lineage, and the shop goes on from there, twice', async () => {
  const browser = shop.browser();
  await browser.signUp('kept@example.com');
  const kept = await browser.buy(shop.variants[0]!.id, 2);
  await expect
    .poll(
      async () =>
        (
          await sql<{
            n: number;
          }>`select count(*)::integer as n from outbox where state = 'pending' and due_at <= now()`.execute(
            shop.deps.db,
          )
        ).rows[0]!.n,
      { timeout: 20_000, interval: 100 },
    )
    .toBe(0);
  const before = await contents();
  const [made] = await asJson('create');
  expect(await asJson('list')).toMatchObject([{ file: made.file, bytes: made.bytes }]);
  await expect.poll(countOpsSessions).toBe(0);

  for (let turn = 0; turn < 2; turn++) {
    const lineage = await readLineage(shop.deps.db);
    const staff = await shop.staff();
    const { body: product } = await shop.browser().get('/api/products/plain-tee');
    await staff.patch(
      `/api/staff/products/${product.id}`,
      { price: { amount: 1, currency: 'EUR' } },
      { Prefer: 'wait=5' },
    );
    const lost = await shop.browser().buy(shop.variants[1]!.id);
    expect(await contents()).not.toEqual(before);
    await expect(backup(['restore', made.file])).rejects.toThrow('Add --yes');
    const [restored] = await asJson('restore', made.file, '--yes');
    await expect.poll(countOpsSessions).toBe(0);
    expect(restored.lineage).not.toBe(lineage);
    expect(await contents()).toEqual(before);
    const priceOf = async () => (await shop.browser().get('/api/products/plain-tee')).body.price.amount;
    await expect.poll(priceOf, { timeout: 10_000 }).toBe(1_999);
    expect((await browser.get(`/api/orders/${kept.id}`)).body.number).toBe(kept.number);
    expect((await browser.get(`/api/orders/${lost.id}`)).status).toBe(404);
    // Order numbers continue after those that were given.
    const next = await shop.browser().buy(shop.variants[1]!.id);
    expect(Number(next.id)).toBeGreaterThan(Number(kept.id));
  }
});

test('A backup is verified in a server of its own; a changed byte, a cut or another key is found at once', async () => {
  const [{ file }] = await asJson('list');
  const told = await backup(['verify']);
  expect(told.at(-1)).toMatch(/can be restored: \d+ rows/);
  const whole = await readFile(file);
  const spoilt = join(folder, 'spoilt.backup');
  const before = await contents();
  for (const at of [20, whole.indexOf('\n') + 40, Math.floor(whole.length / 2), whole.length - 1]) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    await writeFile(spoilt, changed);
    await expect(backup(['verify', spoilt])).rejects.toThrow('Cannot read the backup');
    await expect(backup(['restore', spoilt, '--yes'])).rejects.toThrow('Cannot read the backup');
  }
  for (const length of [0, 10, Math.floor(whole.length / 2), whole.length - 1]) {
    await writeFile(spoilt, whole.subarray(0, length));
    await expect(backup(['verify', spoilt])).rejects.toThrow('Cannot read the backup');
  }
  const otherKey = { BACKUP_KEY: `${key}x` };
  await expect(backup(['restore', file, '--yes'], otherKey)).rejects.toThrow('another key');
  await expect(backup(['restore', join(folder, 'none.backup'), '--yes'])).rejects.toThrow('none.backup');
  expect(await contents()).toEqual(before);
});

test('Without a setting the key is made once beside the data, and the backup shows nothing of its contents', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const told = await backup(['create', '--to', join(folder, 'elsewhere'), '--json'], { BACKUP_KEY: '' });
  await backup(['create', '--to', join(folder, 'elsewhere'), '--json'], { BACKUP_KEY: '' });
  expect(error).toHaveBeenCalledOnce();
  error.mockRestore();
  const { file } = JSON.parse(told[0]!);
  const bytes = await readFile(file);
  expect(bytes.includes('kept@example.com')).toBe(false);
  expect(bytes.includes('plain-tee')).toBe(false);
  await copyFile(file, join(folder, 'copy.backup'));
  const ownKey = (await readFile(join(folder, 'backup-key'), 'utf8')).trim();
  let isThere = false;
  for await (const line of readLines(join(folder, 'copy.backup'), ownKey))
    isThere ||= line.includes('kept@example.com');
  expect(isThere).toBe(true);
  await expect(backup(['create'], { BACKUP_KEY: 'short' })).rejects.toThrow('too short');
  // Commands that read a backup make no key, because a new key could not open it.
  const keyless = { BACKUP_KEY: '', DATA_DIR: join(folder, 'keyless') };
  for (const reading of [
    ['verify', file],
    ['restore', file, '--yes'],
  ])
    await expect(backup(reading, keyless)).rejects.toThrow(
      /^Cannot find a key in .*: set BACKUP_KEY to the one/,
    );
  expect(existsSync(keyless.DATA_DIR)).toBe(false);
});

test.skipIf(!hasMoto())(
  'A backup in S3 is listed, verified and restored as one in a folder is, twice',
  async () => {
    await using moto = await startMoto();
    expect((await fetch(`${moto.url}/shop-backups`, { method: 'PUT' })).status).toBe(200);
    const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
    for (const name of names) vi.stubEnv(name, 'testing');
    vi.stubEnv('AWS_REGION', 'us-east-1');
    const env = { AWS_ENDPOINT_URL: moto.url };
    const place = 's3://shop-backups/of/the-shop';
    await fetch(`${moto.url}/shop-backups/of/the-shop/other.backup`, {
      method: 'PUT',
      body: 'no backup of ours',
    });
    const made: Json[] = [];
    for (let turn = 1; turn <= 2; turn++) {
      made.push(JSON.parse((await backup(['create', '--to', place, '--json'], env))[0]!));
      const listed = (await backup(['list', '--from', place, '--json'], env)).map((line) => JSON.parse(line));
      expect(listed.map(({ file }: Json) => file).sort()).toEqual(made.map(({ file }) => file).sort());
      expect(listed[0].bytes).toBeGreaterThan(1_000);
    }
    const { file } = made[0];
    expect(file).toMatch(/^s3:\/\/shop-backups\/of\/the-shop\/myclothes-.*\.backup$/);
    const before = await contents();
    expect((await backup(['verify', file], env)).at(-1)).toMatch(/can be restored/);
    await backup(['restore', file, '--yes'], env);
    expect(await contents()).toEqual(before);
    await expect(backup(['verify', `${file}x`], env)).rejects.toThrow(/^Cannot fetch s3:/);
    await expect(backup(['create', '--to', 's3://'], env)).rejects.toThrow('looks like s3://bucket/folder');
    vi.unstubAllEnvs();
  },
);
