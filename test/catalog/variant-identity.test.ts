import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { exportText, importFile, lines } from './file-runs.ts';
import { type OpenCatalog, openCatalog } from './open-catalog.ts';

const heading =
  'Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Price';

async function variantsOf({ db }: OpenCatalog, handle: string) {
  const { value } = await readProduct(db, handle);
  return value!.variants.map(({ id, sku, size, color }) => ({ id, sku, is: `${size}/${color}` }));
}

/** @returns id and options by SKU */
async function bySku(catalog: OpenCatalog, handle: string) {
  return Object.fromEntries((await variantsOf(catalog, handle)).map(({ id, sku, is }) => [sku, { id, is }]));
}

const tee = (...variants: [size: string, color: string, sku: string][]) =>
  lines(
    heading,
    ...variants.map(([size, color, sku], index) =>
      index === 0 ? `tee,Tee,Size,${size},Color,${color},${sku},10` : `tee,,,${size},,${color},${sku},10`,
    ),
  );

test('each SKU keeps its variant where options are swapped, rotated or given to a new piece', async () => {
  await using catalog = await openCatalog();
  await importFile(catalog.db, tee(['S', 'Red', 'A'], ['M', 'Red', 'B'], ['L', 'Red', 'C']));
  const before = await bySku(catalog, 'tee');
  const idsStay = async () => {
    const now = await bySku(catalog, 'tee');
    for (const sku of ['A', 'B', 'C']) expect([sku, now[sku]!.id]).toEqual([sku, before[sku]!.id]);
    return now;
  };
  const swapped = tee(['M', 'Red', 'A'], ['S', 'Red', 'B'], ['L', 'Red', 'C']);
  expect(await importFile(catalog.db, swapped)).toMatchObject({ changed: 1, faults: [] });
  expect(await idsStay()).toMatchObject({ A: { is: 'M/Red' }, B: { is: 'S/Red' } });
  expect(await importFile(catalog.db, swapped)).toMatchObject({ unchanged: 1, faults: [] });
  await importFile(catalog.db, tee(['L', 'Red', 'A'], ['M', 'Red', 'B'], ['S', 'Red', 'C']));
  expect(await idsStay()).toMatchObject({ A: { is: 'L/Red' }, B: { is: 'M/Red' }, C: { is: 'S/Red' } });
  // The new variant stands first in the file, with the options that a known one had.
  await importFile(
    catalog.db,
    tee(['L', 'Red', 'D'], ['S', 'Red', 'A'], ['M', 'Red', 'B'], ['XL', 'Red', 'C']),
  );
  const now = await idsStay();
  expect(Object.values(before).map(({ id }) => id)).not.toContain(now['D']!.id);
});

test('a piece keeps its variant when its SKU or the order of its options is written anew', async () => {
  await using catalog = await openCatalog();
  await importFile(catalog.db, tee(['S', 'Red', 'A'], ['M', 'Red', 'B']));
  const before = await bySku(catalog, 'tee');
  await importFile(catalog.db, tee(['S', 'Red', 'A-2'], ['M', 'Red', 'B-2']));
  expect((await bySku(catalog, 'tee'))['A-2']!.id).toBe(before['A']!.id);
  await importFile(catalog.db, lines(heading, 'tee,Tee,Color,Red,Size,S,,10', 'tee,,,Red,,M,,10'));
  const now = await variantsOf(catalog, 'tee');
  expect(now.map(({ id, is }) => [id, is])).toEqual([
    [before['A']!.id, 'S/Red'],
    [before['B']!.id, 'M/Red'],
  ]);
});

test('SKUs that repeat in a product are told, each row is a variant of its own, and stays it', async () => {
  await using catalog = await openCatalog();
  const file = tee(['S', 'Red', 'X'], ['M', 'Red', 'X'], ['L', 'Red', 'X']);
  const first = await importFile(catalog.db, file);
  expect(first).toMatchObject({ created: 1, badRows: 0 });
  expect(first.notes.map(({ line }) => line)).toEqual([3, 4]);
  const before = await variantsOf(catalog, 'tee');
  expect(before).toHaveLength(3);
  await importFile(catalog.db, tee(['L', 'Red', 'X'], ['S', 'Red', 'X'], ['M', 'Red', 'X']));
  const now = await variantsOf(catalog, 'tee');
  expect(now.toSorted((a, b) => Number(a.id) - Number(b.id))).toEqual(before);
  expect(now.map(({ is }) => is)).toEqual(['L/Red', 'S/Red', 'M/Red']);
});

test('a product under a new handle is the same one where its SKUs are, and its old address is free', async () => {
  await using catalog = await openCatalog();
  await importFile(catalog.db, tee(['S', 'Red', 'A'], ['M', 'Red', 'B']));
  const before = (await readProduct(catalog.db, 'tee')).value!;
  const renamed = tee(['S', 'Red', 'A'], ['M', 'Red', 'B']).replaceAll(/^tee,/gm, 'new-tee,');
  const run = await importFile(catalog.db, renamed);
  expect(run).toMatchObject({ created: 0, changed: 1, faults: [] });
  expect(run.notes).toContainEqual({
    line: 2,
    reason: "was 'tee' before: it has the same SKUs, and the file has no such Handle",
  });
  const after = (await readProduct(catalog.db, 'new-tee')).value!;
  expect(after.id).toBe(before.id);
  expect(after.variants.map(({ id }) => id)).toEqual(before.variants.map(({ id }) => id));
  expect((await readProduct(catalog.db, 'tee')).value).toBeUndefined();
  expect(await importFile(catalog.db, renamed)).toMatchObject({ unchanged: 1, created: 0 });
});

test('a second product with the SKUs of one that stands further down in the file is a product of its own', async () => {
  await using catalog = await openCatalog();
  const first = tee(['S', 'Red', 'A']);
  await importFile(catalog.db, first);
  const before = (await readProduct(catalog.db, 'tee')).value!;
  const twin = `${heading}\ntwin,Twin,Size,S,Color,Red,A,10\n${first.split('\n')[1]}\n`;
  expect(await importFile(catalog.db, twin)).toMatchObject({ created: 1, unchanged: 1, faults: [] });
  expect((await readProduct(catalog.db, 'tee')).value!.id).toBe(before.id);
});

test('two variants with the same options are reported, and block no later file', async () => {
  await using catalog = await openCatalog();
  await importFile(catalog.db, tee(['S', 'Red', 'A'], ['M', 'Red', 'B']));
  // A partial file gives A the options of B, which it does not name.
  const run = await importFile(catalog.db, tee(['M', 'Red', 'A']));
  expect(run).toMatchObject({ changed: 1, faults: [] });
  expect(run.notes).toEqual([
    { line: 2, reason: 'has the same options as the variant B, which the file does not name' },
  ]);
  const file = await exportText(catalog.db);
  expect(await importFile(catalog.db, file)).toMatchObject({ changed: 0, faults: [] });
  expect(await exportText(catalog.db)).toBe(file);
  const mended = await importFile(catalog.db, tee(['M', 'Red', 'A'], ['L', 'Red', 'B']));
  expect(mended).toMatchObject({ changed: 1, faults: [] });
});

test('a partial file that names some variants leaves the others, their order too', async () => {
  await using catalog = await openCatalog();
  await importFile(catalog.db, tee(['S', 'Red', 'A'], ['M', 'Red', 'B'], ['L', 'Red', 'C']));
  await importFile(catalog.db, 'Handle,Variant SKU,Variant Price\ntee,C,12\ntee,A,13\n');
  const { value } = await readProduct(catalog.db, 'tee');
  expect(value!.variants.map(({ sku, price }) => `${sku} ${price.amount}`)).toEqual([
    'C 1200',
    'B 1000',
    'A 1300',
  ]);
  const unknown = await importFile(catalog.db, 'Handle,Variant Price\ntee,99\n');
  expect(unknown.faults).toEqual([
    { line: 2, reason: 'names no variant that the shop knows, and has not the options of a new one' },
  ]);
});

test('two imports of one file at the same time make each product and variant once', async () => {
  await using catalog = await openCatalog();
  const file = tee(['S', 'Red', 'A'], ['M', 'Red', 'B']);
  const more = tee(['S', 'Red', 'A'], ['M', 'Red', 'B'], ['L', 'Red', 'C']);
  for (const text of [file, more, more]) {
    const runs = await Promise.all([1, 2, 3].map(() => importFile(catalog.db, text)));
    expect(runs.flatMap(({ faults }) => faults)).toEqual([]);
  }
  expect((await variantsOf(catalog, 'tee')).map(({ sku }) => sku)).toEqual(['A', 'B', 'C']);
});

test('a deadlock is tried again, and one that never ends costs its own product, not the import', async () => {
  await using catalog = await openCatalog();
  await sql`create sequence conflicts`.execute(catalog.db);
  // A rollback does not undo a sequence.
  await sql`
    create function conflict() returns trigger language plpgsql as $$
    begin
      if new.name = 'Always' or nextval('conflicts') <= 2 then
        raise exception 'deadlock detected' using errcode = '40P01';
      end if;
      return new;
    end $$`.execute(catalog.db);
  await sql`create trigger conflict before insert on products for each row execute function conflict()`.execute(
    catalog.db,
  );
  const file = (...titles: string[]) =>
    lines('Handle,Title,Variant Price', ...titles.map((title) => `${title.toLowerCase()},${title},10`));
  expect(await importFile(catalog.db, file('One', 'Two'))).toMatchObject({ created: 2, faults: [] });
  const run = await importFile(catalog.db, file('Three', 'Always', 'Four'));
  expect(run).toMatchObject({ rows: 3, created: 2, refused: 1, badRows: 1 });
  expect(run.faults).toEqual([
    { line: 3, reason: 'could not be saved, as others were changing it all the time; import it again' },
  ]);
});

test('what is too long for an index is a bad row, and the rows around it are imported', async () => {
  await using catalog = await openCatalog();
  // The characters have four bytes each, in an order that cannot be compressed.
  const long = (from: number) =>
    Array.from({ length: 255 }, (_, at) =>
      String.fromCodePoint(0x20000 + ((at * 7_919 + from) % 40_000)),
    ).join('');
  const words = Array.from({ length: 150_000 }, (_, index) => `w${index.toString(36)}`).join(' ');
  const run = await importFile(
    catalog.db,
    lines(
      'Handle,Title,Body (HTML),Option1 Name,Option1 Value,Option2 Name,Option2 Value,Option3 Name,Option3 Value,Variant Price',
      'one,One,,Size,S,,,,,10',
      `two,Two,,Size,${long(1)},Length,${long(977)},Fit,${long(31)},10`,
      `three,Three,${words},Size,S,,,,,10`,
      'four,Four,,Size,S,,,,,10',
    ),
  );
  expect(run).toMatchObject({ rows: 4, created: 2, refused: 2, badRows: 2 });
  expect(run.faults.map(({ line }) => line)).toEqual([3, 4]);
  expect((await readProduct(catalog.db, 'four')).value).toBeDefined();
});
