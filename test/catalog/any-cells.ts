// A property of product files: whatever several files contain, importing an export changes nothing.
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { sql } from 'kysely';
import { expect } from 'vitest';
import { columns } from '../../ops-scripts/catalog/columns.ts';
import { exportText, importFile } from './file-runs.ts';
import { openCatalog } from './open-catalog.ts';

const own = ['Fabric (product.metafields.custom.fabric)', 'Price / Norway', 'shelf', '=sum', 'Cost per item'];
/** The same in each file, because other tests cover names of options. */
const optionNames: Record<string, string> = {
  'Option1 Name': 'Size',
  'Option2 Name': 'Color',
  'Option3 Name': 'Fit',
};
const options = columns.filter((name) => name.startsWith('Option'));
const free = [...columns, ...own].filter(
  (name) => !['Handle', 'Title', 'Variant Price', ...options].includes(name),
);
const odd = [
  '',
  'TRUE',
  'no',
  "'",
  "'=",
  '=1',
  '-5',
  '5.0',
  ' x ',
  '\t',
  'a\nb',
  '"',
  ',',
  'é',
  'ä',
  '👕',
  '0',
  'shopify',
  'continue',
  'M',
  'https://pictures.example/a.jpg',
];
const cell = fc.oneof(fc.constantFrom(...odd), fc.string({ unit: 'grapheme', maxLength: 8 }));
const row = fc.record({
  handle: fc.constantFrom('a', 'b', 'c'),
  price: fc.constantFrom('10', '9.5', '7,50', '', 'x'),
  cells: fc.dictionary(fc.constantFrom(...free, ...options), cell, { maxKeys: 12 }),
});
const file = fc.record({
  // A file has all columns of the options or none.
  heading: fc.tuple(fc.subarray(free), fc.constantFrom([], options)).map((parts) => parts.flat()),
  rows: fc.array(row, { minLength: 1, maxLength: 8 }),
});

export async function exportsStayTheSame(numRuns: number): Promise<void> {
  await using catalog = await openCatalog();
  await using other = await openCatalog();
  await fc.assert(
    fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 3 }), async (files) => {
      for (const { db } of [catalog, other])
        await sql`truncate products, variants, product_images, categories, catalog_sets, catalog_set_marks, product_file_columns cascade`.execute(
          db,
        );
      for (const { db } of [catalog, other])
        await sql`insert into catalog_sets (tag) values ('catalog'), ('categories')`.execute(db);
      for (const { heading, rows } of files) {
        const names = ['Handle', 'Title', 'Variant Price', ...heading];
        const sorted = rows.toSorted((a, b) => (a.handle < b.handle ? -1 : a.handle > b.handle ? 1 : 0));
        const text = stringify([
          names,
          ...sorted.map(({ handle, price, cells }) => [
            handle,
            `Title of ${handle}`,
            price,
            ...heading.map((name) => optionNames[name] ?? cells[name] ?? ''),
          ]),
        ]);
        const run = await importFile(catalog.db, text);
        expect(run.rows).toBe(sorted.length);
        expect(run.badRows).toBeLessThanOrEqual(run.rows);
      }
      const first = await exportText(catalog.db);
      expect(await importFile(catalog.db, first)).toMatchObject({
        created: 0,
        changed: 0,
        refused: 0,
        faults: [],
      });
      expect(await exportText(catalog.db)).toBe(first);
      await importFile(other.db, first);
      expect(await exportText(other.db)).toBe(first);
    }),
    { numRuns, endOnFailure: true },
  );
}
