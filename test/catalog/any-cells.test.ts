import { stringify } from 'csv-stringify/sync';
import { expect, test } from 'vitest';
import { exportsStayTheSame } from './any-cells.ts';
import { exportText, importFile } from './file-runs.ts';
import { openCatalog } from './open-catalog.ts';

const options = (...values: string[]) =>
  ['Size', 'Color', 'Fit'].flatMap((name, at) => [name, values[at] ?? '']);
const optionHeading = [1, 2, 3].flatMap((at) => [`Option${at} Name`, `Option${at} Value`]);

/** The property below found each of these. */
const histories: Record<string, string[][][]> = {
  'a cell beside a variant that its file does not name': [
    [
      ['Handle', 'Title', 'Variant Price', ...optionHeading],
      ['b', 'B', '10', ...options()],
      ['b', 'B', '10', ...options('', '', '!')],
    ],
    [
      ['Handle', 'Title', 'Variant Price', '=sum'],
      ['b', 'B', '10', ''],
      ['b', 'B', '', ' '],
    ],
  ],
  'a row without a SKU, and two variants of the same options': [
    [
      ['Handle', 'Title', 'Variant Price', 'Variant SKU'],
      ['a', 'A', '10', '!'],
      ['a', 'A', '10', ''],
    ],
    [
      ['Handle', 'Title', 'Variant Price', 'Variant SKU', ...optionHeading],
      ['a', 'A', '10', '', ...options()],
    ],
  ],
};

test.each(Object.entries(histories))('After %s an export imports as no change', async (_, files) => {
  await using catalog = await openCatalog();
  for (const rows of files) await importFile(catalog.db, stringify(rows));
  const first = await exportText(catalog.db);
  expect(await importFile(catalog.db, first)).toMatchObject({
    created: 0,
    changed: 0,
    refused: 0,
    faults: [],
  });
  expect(await exportText(catalog.db)).toBe(first);
});

test('Whatever stands in files, one after the other, an export imports as no change and exports the same to the byte', () =>
  exportsStayTheSame(25));
