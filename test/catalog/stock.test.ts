import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { raiseDirtyStock } from '../../origin/catalog/change/dirty-versions.ts';
import { returnStock, type StockLine, setStock, takeStock } from '../../origin/catalog/change/stock.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { Refusal } from '../../origin/errors.ts';
import type { Db, Tx } from '../../origin/schema.ts';
import { aProduct, aVariant, openCatalog, saveAll } from './open-catalog.ts';

const labels = ['S', 'M', 'L'];

test('200 buyers of 20 pieces: exactly 20 are served, and each refusal took nothing', async () => {
  await using catalog = await openCatalog({ connections: 20 });
  const [small = '', medium = ''] = await stocked(catalog.db, [20, 1_000]);
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, () => take(catalog.db, takeStock, [line(medium, 2), line(small, 1)])),
  );
  expect(outcomes.filter((taken) => taken)).toHaveLength(20);
  expect(await stockOf(catalog.db, [small, medium])).toEqual([0, 960]);
});

test('a refusal names every line that is short and how many pieces there are', async () => {
  await using catalog = await openCatalog();
  const [small = '', medium = ''] = await stocked(catalog.db, [3, 5]);
  const lines = [line(small, 4), line(medium, 2), line('999999', 1), line(small, 1)];
  const refused = await catalog.db
    .transaction()
    .execute((tx) => takeStock(tx, lines))
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refusal);
  expect(refused).toMatchObject({
    status: 409,
    code: 'out-of-stock',
    details: {
      lines: [
        { variantId: small, available: 3 },
        { variantId: '999999', available: 0 },
      ],
    },
  });
  expect(await stockOf(catalog.db, [small, medium])).toEqual([3, 5]);
});

test('whatever is taken and returned at once, pieces on the shelf and in orders together stay the same', async () => {
  await using catalog = await openCatalog({ connections: 8 });
  expect(await findLoss(catalog.db, takeStock)).toBeUndefined();
});

test('the same check finds a planted bug: stock read first and written afterwards', async () => {
  await using catalog = await openCatalog({ connections: 8 });
  const readThenWrite = async (tx: Tx, lines: StockLine[]) => {
    for (const { variantId, quantity } of lines) {
      const row = await tx
        .selectFrom('variants')
        .select('available')
        .where('id', '=', variantId)
        .executeTakeFirstOrThrow();
      if (row.available < quantity) throw new Refusal(409, 'out-of-stock', 'Too few');
      await tx
        .updateTable('variants')
        .set({ available: row.available - quantity })
        .where('id', '=', variantId)
        .execute();
    }
  };
  expect(await findLoss(catalog.db, readThenWrite)).toBeDefined();
});

test('selling out and returns invalidate caches at once, other sales at most once a second', async () => {
  await using catalog = await openCatalog();
  const [small = ''] = await stocked(catalog.db, [3]);
  const { tags: before } = await readProduct(catalog.db, 'piece');
  const versionOf = async () =>
    (await readProduct(catalog.db, 'piece')).tags[`stock:${small}`]! - before[`stock:${small}`]!;
  await take(catalog.db, takeStock, [line(small, 1)]);
  expect(await versionOf()).toBe(0);
  expect(await sweep(catalog.db)).toEqual({});
  await take(catalog.db, takeStock, [line(small, 2)]);
  expect(await versionOf()).toBe(1);
  await catalog.db.transaction().execute((tx) => returnStock(tx, [line(small, 1)]));
  expect(await versionOf()).toBe(2);
  const told = await invalidated(catalog.db);
  expect(told.slice(-2).map((tags) => Object.keys(tags).sort())).toEqual([
    [`product-stock:${await productOf(catalog.db)}`, `stock:${small}`],
    [`product-stock:${await productOf(catalog.db)}`, `stock:${small}`],
  ]);
});

test('the sweep raises the versions of other sales once their last raise is a second old', async () => {
  await using catalog = await openCatalog();
  const [small = ''] = await stocked(catalog.db, [5]);
  await take(catalog.db, takeStock, [line(small, 1)]);
  await sql`update variants set stock_raised_at = now() - interval '2 s'`.execute(catalog.db);
  const raised = await sweep(catalog.db);
  expect(Object.keys(raised).sort()).toEqual([
    `product-stock:${await productOf(catalog.db)}`,
    `stock:${small}`,
  ]);
  expect((await readProduct(catalog.db, 'piece')).tags[`stock:${small}`]).toBe(raised[`stock:${small}`]);
  expect((await invalidated(catalog.db)).at(-1)).toEqual(raised);
  expect(await sweep(catalog.db)).toEqual({});
});

test('staff set a stock, and setting the same number changes and invalidates nothing', async () => {
  await using catalog = await openCatalog();
  const [small = ''] = await stocked(catalog.db, [5]);
  const set = (stock: number) => catalog.db.transaction().execute((tx) => setStock(tx, small, stock));
  const changed = await set(7);
  expect(changed).toMatchObject({ before: { stock: 5 } });
  expect(changed.product.variants[0]).toMatchObject({ id: small, available: 7 });
  expect(changed.tags[`stock:${small}`]).toBeGreaterThan(1);
  expect(await set(7)).toMatchObject({ tags: {} });
  await expect(catalog.db.transaction().execute((tx) => setStock(tx, '999999', 1))).rejects.toMatchObject({
    status: 404,
  });
});

type Take = (tx: Tx, lines: StockLine[]) => Promise<void>;

/** Runs random purchases and returns at once. @returns the counterexample, if one is found */
async function findLoss(db: Db, taker: Take) {
  const ids = await stocked(db, [6, 6, 6]);
  const purchase = fc.array(fc.record({ at: fc.nat(2), quantity: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 3,
  });
  const rounds = fc.array(fc.array(purchase, { minLength: 2, maxLength: 6 }), { minLength: 1, maxLength: 4 });
  const result = await fc.check(
    fc.asyncProperty(rounds, async (played) => {
      await sql`update variants set available = 6`.execute(db);
      const held = new Map(ids.map((id) => [id, 0]));
      for (const round of played) {
        await Promise.all(
          round.map(async (lines, index) => {
            const wanted = lines.map(({ at, quantity }) => line(ids[at]!, quantity));
            if (!(await take(db, taker, wanted))) return;
            const kept = index % 3 > 0;
            if (!kept) await db.transaction().execute((tx) => returnStock(tx, wanted));
            else
              for (const { variantId, quantity } of wanted)
                held.set(variantId, held.get(variantId)! + quantity);
          }),
        );
      }
      const left = await stockOf(db, ids);
      return ids.every((id, index) => left[index]! >= 0 && left[index]! + held.get(id)! === 6);
    }),
    { numRuns: 40, endOnFailure: true },
  );
  return result.failed ? result.counterexample : undefined;
}

async function take(db: Db, taker: Take, lines: StockLine[]): Promise<boolean> {
  try {
    await db.transaction().execute((tx) => taker(tx, lines));
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** Makes one product with a variant for each number. @returns their ids in that order */
async function stocked(db: Db, available: number[]): Promise<string[]> {
  const variants = available.map((pieces, index) =>
    aVariant('piece', labels[index]!, 'Navy', { available: pieces }),
  );
  await saveAll(db, [aProduct('piece', { variants })]);
  return (await readProduct(db, 'piece')).value!.variants.map((variant) => variant.id);
}

async function stockOf(db: Db, ids: string[]): Promise<number[]> {
  const { value } = await readProduct(db, 'piece');
  return ids.map((id) => value!.variants.find((variant) => variant.id === id)!.available);
}

async function productOf(db: Db): Promise<string> {
  return (await readProduct(db, 'piece')).value!.id;
}

function line(variantId: string, quantity: number): StockLine {
  return { variantId, quantity };
}

function sweep(db: Db) {
  return db.transaction().execute(raiseDirtyStock);
}

async function invalidated(db: Db): Promise<Record<string, number>[]> {
  const rows = await db
    .selectFrom('outbox')
    .select('payload')
    .where('kind', '=', 'invalidate')
    .orderBy('id')
    .execute();
  return rows.map((row) => (row.payload as { tags: Record<string, number> }).tags);
}
