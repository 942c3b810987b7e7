// Odd product files: rows that are far too long, no SKUs, another encoding, variants that change places.
import { expect, test } from 'vitest';
import { FileFault } from '../../ops-scripts/catalog/decode-file.ts';
import { importCatalog } from '../../ops-scripts/catalog/import-catalog.ts';
import type { RowFault } from '../../ops-scripts/catalog/product-file.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { openCatalog } from './open-catalog.ts';

const heading =
  'Handle,Title,Body (HTML),Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Price';
const fileOf = (...rows: string[]) => [Buffer.from([heading, ...rows, ''].join('\n'))];

async function importInto(
  catalog: Awaited<ReturnType<typeof openCatalog>>,
  file: Uint8Array[],
  dryRun = false,
) {
  const faults: RowFault[] = [];
  const notes: RowFault[] = [];
  const report = await importCatalog(catalog.db, file, {
    dryRun,
    onFault: (fault) => faults.push(fault),
    onNote: (note) => notes.push(note),
  });
  return { ...report, told: faults, notes };
}

test('a row that is far too long is told, and the rows after it are imported and judged', async () => {
  await using catalog = await openCatalog();
  const long = `long,Long,"${'<p>many words</p>'.repeat(80_000)}",Size,S,,,L-1,5`;
  const report = await importInto(
    catalog,
    fileOf('first,First,,Size,S,,,F-1,5', long, 'last,Last,,Size,S,,,Z-1,5', 'bad,Bad,,Size,S,,,B-1,about 5'),
  );
  expect(report).toMatchObject({ created: 2 });
  expect(report.told).toEqual([
    { line: 3, reason: 'is longer than a million characters' },
    { line: 5, reason: "has a Variant Price that is no amount: 'about 5'" },
    { line: 5, reason: "leaves 'bad' without a variant that can be sold" },
  ]);
});

test('a file in another encoding is refused rather than garbled', async () => {
  await using catalog = await openCatalog();
  const file = [Buffer.from(`${heading}\ncafe,Größe Café,,Size,S,,,C-1,5\n`, 'latin1')];
  await expect(importInto(catalog, file)).rejects.toThrow(FileFault);
  expect((await readProduct(catalog.db, 'cafe')).value).toBeUndefined();
});

test('a dry run tells the SKU that two products have, as the import does', async () => {
  await using catalog = await openCatalog();
  const file = () => fileOf('one,One,,Size,S,,,SAME,5', 'two,Two,,Size,S,,,SAME,6');
  const dry = await importInto(catalog, file(), true);
  expect(dry.notes).toEqual([{ line: 3, reason: 'has the same Variant SKU as line 2: SAME' }]);
  expect(dry).toMatchObject({ created: 2, told: [] });
  expect(await importInto(catalog, file())).toEqual(dry);
});

test('variants without SKUs get ones that no other can have', async () => {
  await using catalog = await openCatalog();
  const file = () =>
    fileOf(
      'shirt,Shirt,,Size,red-s,,,,5',
      'shirt-red,Shirt red,,Size,s,,,,6',
      'coat,Coat,,Size,S M,Color,Red,,7',
      'coat,,,,S,,M Red,,7',
      'coat,,,,s,,M Red,,7',
    );
  expect(await importInto(catalog, file())).toMatchObject({ created: 3, told: [] });
  expect(await importInto(catalog, file())).toMatchObject({ created: 0, unchanged: 3, told: [] });
});

test('two variants may change places', async () => {
  await using catalog = await openCatalog();
  await importInto(catalog, fileOf('tee,Tee,,Size,S,,,T-1,5', 'tee,,,,L,,,T-2,6'));
  const swapped = await importInto(catalog, fileOf('tee,Tee,,Size,L,,,T-1,5', 'tee,,,,S,,,T-2,6'));
  expect(swapped).toMatchObject({ changed: 1, told: [] });
  const { variants } = (await readProduct(catalog.db, 'tee')).value!;
  expect(variants.map(({ sku, size }) => `${sku} ${size}`).sort()).toEqual(['T-1 L', 'T-2 S']);
});
