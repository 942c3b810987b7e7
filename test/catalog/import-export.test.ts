import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { FileFault } from '../../ops-scripts/catalog/decode-file.ts';
import { exportCatalog } from '../../ops-scripts/catalog/export-catalog.ts';
import { type ImportOptions, importCatalog } from '../../ops-scripts/catalog/import-catalog.ts';
import type { RowFault } from '../../ops-scripts/catalog/product-file.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { loadDemoCatalog } from '../../origin/demo-catalog/load-demo-catalog.ts';
import type { DbOrTx } from '../../origin/schema.ts';
import { openCatalog } from './open-catalog.ts';
import { badRows, productFile, threeOptions, titleOnly } from './product-files.ts';

test('a file with BOM, CRLF, quoted line ends and three options becomes products to the cent', async () => {
  await using catalog = await openCatalog();
  const file = productFile([...titleOnly, ...threeOptions], { bom: true, lineEnd: '\r\n' });
  const report = await importCatalog(catalog.db, file);
  expect(report).toMatchObject({ created: 2, changed: 0, badRows: 0, rows: 4 });
  const scarf = (await readProduct(catalog.db, 'plain-scarf')).value!;
  expect(scarf).toMatchObject({ name: 'Plain Scarf', category: 'more', price: { amount: 1_990 } });
  expect(scarf.variants).toMatchObject([{ size: '', color: '', available: 3, sku: 'plain-scarf' }]);
  const jeans = (await readProduct(catalog.db, 'work-jeans')).value!;
  expect(jeans).toMatchObject({ brand: 'Copperline', category: 'men-jeans', price: { amount: 8_900 } });
  expect(jeans.variants).toMatchObject([
    { sku: 'WJ-32-34', size: '32 / 34', color: 'Indigo', price: { amount: 8_900 }, available: 7 },
    { sku: 'WJ-34-34', size: '34 / 34', color: 'Indigo', price: { amount: 9_250 }, available: 0 },
  ]);
  expect(jeans.images.map((image) => image.alt)).toEqual(['Back', 'Front', 'Work Jeans']);
  expect(jeans.descriptionHtml).toBe('<p>Tough.</p>\n<p>“Quoted”, and more</p>');
});

test('each bad row is told by its line and reason, and the rest is imported', async () => {
  await using catalog = await openCatalog();
  const faults: RowFault[] = [];
  const report = await importCatalog(catalog.db, productFile(badRows), {
    onFault: (fault) => faults.push(fault),
  });
  // The first product's description spans two lines.
  expect(faults.sort((a, b) => a.line - b.line)).toEqual([
    { line: 4, reason: 'has no Variant Price' },
    { line: 5, reason: "has a Variant Price that is no amount: 'about 10'" },
    { line: 6, reason: 'has the same options as line 2' },
    { line: 8, reason: "leaves 'no-variants' without a variant that can be sold" },
    { line: 9, reason: 'has no Title' },
    { line: 10, reason: 'has an Image Src that is no https address' },
    { line: 11, reason: "stands apart from the other rows of 'good-cap', which begin on line 2" },
    { line: 12, reason: "has a Variant Inventory Qty that is no whole number: '1.5'" },
    { line: 12, reason: "leaves 'half-piece' without a variant that can be sold" },
  ]);
  expect(report).toMatchObject({ rows: 10, created: 3, refused: 3, badRows: 8 });
  expect((await readProduct(catalog.db, 'good-cap')).value!.variants).toHaveLength(1);
});

test('stray quotes are taken as written, and a quote that is never closed is told by the line where it stands', async () => {
  await using catalog = await openCatalog();
  const faults: RowFault[] = [];
  const text = 'Handle,Title,Variant Price\none,"Tw"o,5\ntwo,Siz"e,5\nthree,"Never closed,5\nfour,Four,5\n';
  const report = await importCatalog(catalog.db, [Buffer.from(text)], {
    onFault: (fault) => faults.push(fault),
  });
  expect(report.created).toBe(2);
  expect((await readProduct(catalog.db, 'two')).value!.name).toBe('Siz"e');
  expect(faults).toEqual([{ line: 4, reason: 'is not well-formed CSV: a quote is never closed' }]);
});

test('a product with a SKU of another is created, which is reported, and the other one stays as it was', async () => {
  await using catalog = await openCatalog();
  await importCatalog(catalog.db, productFile(threeOptions));
  const notes: RowFault[] = [];
  const other = { Handle: 'other', Title: 'Other', 'Variant SKU': 'WJ-32-34', 'Variant Price': '1' };
  const report = await importCatalog(catalog.db, productFile([...titleOnly, other]), {
    onNote: (note) => notes.push(note),
  });
  expect(report).toMatchObject({ created: 2, refused: 0, badRows: 0 });
  expect(notes).toEqual([{ line: 3, reason: "has a Variant SKU that 'work-jeans' has too: WJ-32-34" }]);
  expect((await readProduct(catalog.db, 'other')).value!.variants).toMatchObject([{ sku: 'WJ-32-34' }]);
  expect((await readProduct(catalog.db, 'work-jeans')).value!.variants).toHaveLength(2);
});

test('a file that is no product file is refused as a whole', async () => {
  await using catalog = await openCatalog();
  for (const text of ['', 'a,b\n1,2\n', '\ufeff']) {
    await expect(importCatalog(catalog.db, [Buffer.from(text)])).rejects.toThrow(FileFault);
  }
});

test('importing again changes nothing, and a change in the file changes just that, with its invalidation', async () => {
  await using catalog = await openCatalog();
  const rows = [...titleOnly, ...threeOptions];
  await importCatalog(catalog.db, productFile(rows));
  const before = (await readProduct(catalog.db, 'work-jeans')).tags;
  const outbox = await outboxTags(catalog.db);
  expect(await importCatalog(catalog.db, productFile(rows))).toMatchObject({
    created: 0,
    changed: 0,
    unchanged: 2,
  });
  expect(await outboxTags(catalog.db)).toEqual(outbox);
  const dearer = rows.map((row) =>
    row['Variant SKU'] === 'WJ-32-34' ? { ...row, 'Variant Price': '95' } : row,
  );
  expect(await importCatalog(catalog.db, productFile(dearer))).toMatchObject({ changed: 1, unchanged: 1 });
  const jeans = await readProduct(catalog.db, 'work-jeans');
  expect(jeans.value!.price.amount).toBe(9_250);
  const tag = `product:${jeans.value!.id}`;
  expect(jeans.tags[tag]).toBe(before[tag]! + 1);
  expect((await outboxTags(catalog.db)).at(-1)).toEqual({ [tag]: jeans.tags[tag] });
});

test('a dry run reports the same and keeps nothing', async () => {
  await using catalog = await openCatalog();
  const file = productFile([...threeOptions, ...badRows]);
  const dry = await importCatalog(catalog.db, file, { dryRun: true });
  expect((await readProduct(catalog.db, 'work-jeans')).value).toBeUndefined();
  expect(await importCatalog(catalog.db, file)).toEqual(dry);
});

test('an export imports into an empty shop as the same shop, and into its own as no change', async () => {
  await using catalog = await openCatalog();
  await loadDemoCatalog(catalog.db);
  await importCatalog(catalog.db, productFile([...threeOptions, ...titleOnly]));
  const file = await exported(catalog.db);
  const again = await importText(catalog.db, file);
  expect(again).toMatchObject({ created: 0, changed: 0, badRows: 0 });
  await using other = await openCatalog();
  expect(await importText(other.db, file)).toMatchObject({ changed: 0, refused: 0, badRows: 0 });
  expect(await exported(other.db)).toBe(file);
});

const realFile = new URL('../../../shared/data/shopify-apparel.csv', import.meta.url);

test.runIf(existsSync(realFile))(
  'a real product file comes back with its prices, options and pictures',
  async () => {
    await using catalog = await openCatalog();
    const report = await importCatalog(catalog.db, createReadStream(realFile));
    expect(report.badRows).toBe(0);
    const given = readRecords(readFileSync(realFile, 'utf8'));
    const back = readRecords(await exported(catalog.db));
    const kept = (row: Record<string, string>) => [
      row['Handle'],
      row['Title'],
      row['Option1 Name'],
      row['Option1 Value'],
      Number(row['Variant Price']),
      Number(row['Variant Inventory Qty']),
      row['Image Src'],
    ];
    expect(back.map(kept)).toEqual(given.map(kept));
  },
);

async function exported(db: DbOrTx): Promise<string> {
  let text = '';
  for await (const part of exportCatalog(db)) text += part;
  return text;
}

function importText(db: Parameters<typeof importCatalog>[0], text: string, options: ImportOptions = {}) {
  return importCatalog(db, [Buffer.from(text)], options);
}

function readRecords(text: string): Record<string, string>[] {
  return parse(text, { columns: true, bom: true });
}

async function outboxTags(db: DbOrTx): Promise<Record<string, number>[]> {
  const rows = await db
    .selectFrom('outbox')
    .select('payload')
    .where('kind', '=', 'invalidate')
    .orderBy('id')
    .execute();
  return rows.map((row) => (row.payload as { tags: Record<string, number> }).tags);
}
