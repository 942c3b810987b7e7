import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runProgram } from '../support/run-program.ts';
import { type Answer, type Json, openShop, type Shop } from '../support/shop.ts';
import { exportText, importFile, lines } from './file-runs.ts';

let shop: Shop;
let folder: string;
let url: string;
beforeAll(async () => {
  shop = await openShop({ worker: true });
  url = shop.deps.settings.databaseUrl;
  folder = await mkdtemp(join(tmpdir(), 'myclothes-files-'));
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function ops(...args: string[]): Promise<{ code: number | null; output: string }> {
  await using program = runProgram('ops-scripts/main.ts', ['catalog', ...args], { DATABASE_URL: url });
  const code = await program.exitCode;
  return { code, output: program.output() };
}

/** Waits until the invalidation has reached every cache. */
function seen(path: string, check: (answer: Answer<Json>) => void): Promise<void> {
  return vi.waitFor(async () => check(await shop.browser().get(path)), { timeout: 10_000, interval: 20 });
}

test('an export replaces its file whole, with the rights that it had, and leaves nothing beside it', async () => {
  const file = join(folder, 'whole.csv');
  const link = join(folder, 'link.csv');
  await writeFile(file, 'old');
  await chmod(file, 0o640);
  await symlink(file, link);
  for (const target of [file, link]) {
    expect(await ops('export', target)).toEqual({ code: 0, output: '' });
    expect(await readFile(file, 'utf8')).toBe(await exportText(shop.deps.db));
    expect((await stat(file)).mode & 0o777).toBe(0o640);
  }
  expect((await readdir(folder)).sort()).toEqual(['link.csv', 'whole.csv']);
});

test('an export that fails, or is stopped, leaves the file that was there and nothing beside it', async () => {
  const own = await mkdtemp(join(folder, 'stopped-'));
  const file = join(own, 'kept.csv');
  await writeFile(file, 'what was there');
  // The lock keeps the export running until the program is stopped.
  const lock = await shop.deps.db.startTransaction().execute();
  await sql`lock table product_images in access exclusive mode`.execute(lock);
  await using program = runProgram('ops-scripts/main.ts', ['catalog', 'export', file], { DATABASE_URL: url });
  await vi.waitFor(async () => expect(await readdir(own)).toHaveLength(2), { timeout: 20_000, interval: 20 });
  program.child.kill('SIGINT');
  await program.exitCode;
  await lock.rollback().execute();
  expect(await readdir(own)).toEqual(['kept.csv']);
  expect(await readFile(file, 'utf8')).toBe('what was there');
  const nowhere = await ops('export', join(own, 'no-folder', 'x.csv'));
  expect(nowhere).toMatchObject({
    code: 1,
    output: expect.stringMatching(/^Cannot write '.*x\.csv': there is no such/),
  });
  expect(await ops('export', own)).toMatchObject({
    code: 1,
    output: `Cannot write '${own}': it is a folder`,
  });
});

test('products and variants are archived and restored, hidden meanwhile, and files do not change that', async () => {
  const shopper = shop.browser();
  const [small, medium] = shop.variants as [{ id: string; sku: string }, { id: string; sku: string }];
  await shopper.fill(small.id);
  const dry = await ops('archive', 'plain-tee', '--dry-run');
  expect(dry).toEqual({
    code: 0,
    output: 'Dry run, nothing was kept: 1 products archived, 0 variants archived',
  });
  expect(await ops('archive', 'plain-tee')).toMatchObject({ code: 0 });
  expect(await ops('archive', 'plain-tee')).toMatchObject({
    output: expect.stringContaining('1 were so already'),
  });
  const file = await exportText(shop.deps.db);
  expect(await importFile(shop.deps.db, file)).toMatchObject({ changed: 0, badRows: 0 });
  await importFile(shop.deps.db, 'Handle,Title\nplain-tee,Plain tee again\n');
  await seen('/api/products/plain-tee', ({ status }) => expect(status).toBe(404));
  expect((await shopper.orderAtLast()).status).toBe(409);
  expect(await ops('bring-back', 'plain-tee')).toMatchObject({ code: 0 });
  await seen('/api/products/plain-tee', ({ status }) => expect(status).toBe(200));

  expect(await ops('archive', '--sku', small.sku)).toMatchObject({ code: 0 });
  const withoutOne = await exportText(shop.deps.db);
  for (const text of [withoutOne, `Handle,Variant SKU,Variant Price\nplain-tee,${small.sku},21\n`])
    await importFile(shop.deps.db, text);
  const idsOf = ({ body }: Answer<Json>) => body.variants.map(({ id }: { id: string }) => id);
  await seen('/api/products/plain-tee', (answer) => expect(idsOf(answer)).toEqual([medium.id]));
  expect((await shop.browser().add(small.id)).status).toBe(404);
  expect((await shopper.orderAtLast()).status).toBe(409);
  expect(await ops('bring-back', '--sku', small.sku)).toMatchObject({ code: 0 });
  await seen('/api/products/plain-tee', (answer) => expect(idsOf(answer)).toEqual([small.id, medium.id]));
  expect((await shop.browser().add(small.id)).status).toBe(200);
  expect((await shopper.orderAtLast()).status).toBe(201);
});

test('a cart keeps its piece and an order its lines, whatever files swap, rename, shorten and bring back', async () => {
  const { db } = shop.deps;
  const heading = 'Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty';
  const full = lines(heading, 'held,Held,Size,S,HELD-1,10,50', 'held,,,M,HELD-2,20,50');
  await importFile(db, full);
  const [first] = (await shop.browser().get('/api/products/held')).body.variants;
  const shopper = shop.browser();
  const order = await shopper.buy(first.id, 2);
  await shopper.fill(first.id, 1);
  const swapped = lines(heading, 'held-now,Held,Size,M,HELD-1,10,48', 'held-now,,,S,HELD-2,20,50');
  const files = [
    [swapped, 'held-now', 'M', 1_000],
    ['Handle,Variant SKU,Variant Price\nheld-now,HELD-1,11\n', 'held-now', 'M', 1_100],
    [swapped, 'held-now', 'M', 1_000],
    [full, 'held', 'S', 1_000],
    [full, 'held', 'S', 1_000],
  ] as const;
  for (const [file, slug, size, amount] of files) {
    expect(await importFile(db, file)).toMatchObject({ created: 0, refused: 0, faults: [] });
    await vi.waitFor(
      async () => {
        const { body } = await shopper.get('/api/cart');
        expect(body.lines).toMatchObject([
          { variantId: first.id, productSlug: slug, size, quantity: 1, unitPrice: { amount } },
        ]);
      },
      { timeout: 10_000, interval: 20 },
    );
    const other = slug === 'held' ? 'held-now' : 'held';
    await seen(`/api/products/${slug}`, ({ status }) => expect(status).toBe(200));
    await seen(`/api/products/${other}`, ({ status }) => expect(status).toBe(404));
    const { body } = await shopper.get(`/api/orders/${order.id}`);
    expect(body.lines).toMatchObject([{ sku: 'HELD-1', size: 'S', quantity: 2 }]);
  }
});

test('an archiving that names something unknown does nothing and says what', async () => {
  const refused = await ops('archive', 'wool-coat', 'no-such-coat', '--sku', 'NO-SUCH');
  expect(refused).toEqual({ code: 1, output: 'Not known, so that nothing was done: no-such-coat, NO-SUCH' });
  expect((await shop.browser().get('/api/products/wool-coat')).status).toBe(200);
  expect((await ops('archive')).code).toBe(2);
  expect(await ops('archive', '--help')).toMatchObject({
    code: 0,
    output: expect.stringContaining('--dry-run'),
  });
});

test('an import by command tells bad rows and notes by line, sums up, and is exit 2 where a row was bad', async () => {
  const file = join(folder, 'in.csv');
  await writeFile(file, 'Handle;Title;Variant Price;Published\ncommand-a;A;10;no\ncommand-b;B;ten;yes\n');
  const { code, output } = await ops('import', file);
  expect(code).toBe(2);
  expect(output.split('\n').sort()).toEqual([
    '2 rows, 1 products created, 0 changed, 0 unchanged, 1 refused, 1 bad rows',
    'line 1 (note) separates its columns by semicolons',
    "line 2 (note) is not published: Published is 'no'",
    "line 3 has a Variant Price that is no amount: 'ten'",
    "line 3 leaves 'command-b' without a variant that can be sold",
  ]);
});
