import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { raiseDirtySets } from '../../origin/catalog/change/dirty-versions.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { exportCells, fixture, importFile, lines } from './file-runs.ts';
import { openCatalog } from './open-catalog.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.[Symbol.asyncDispose]());

const productOf = async (slug: string) => (await shop.browser().get(`/api/products/${slug}`)).body;
/** Text as a reader sees it: without tags, and with single spaces. */
const plain = (html: string) =>
  html
    .replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .trim();

test('only a yes publishes, other values are reported, and an unknown status is a draft', async () => {
  for (const round of ['first', 'second']) {
    const run = await importFile(shop.deps.db, fixture('publishing.csv'));
    expect(run).toMatchObject({ rows: 13, badRows: 0, refused: 0 });
    expect([round, run.notes.map(({ line }) => line)]).toEqual([round, [7, 8, 9, 10, 11, 14]]);
    for (const slug of ['yes-1', 'yes-2', 'yes-3', 'yes-4', 'yes-5'])
      expect([slug, (await shop.browser().get(`/p/${slug}`)).status]).toEqual([slug, 200]);
    for (const slug of ['no-1', 'no-2', 'no-3', 'no-4', 'no-5', 'no-6', 'no-7', 'no-8'])
      expect([slug, (await shop.browser().get(`/p/${slug}`)).status]).toEqual([slug, 404]);
  }
  expect((await shop.browser().get('/api/products?q=seven')).body.items).toEqual([]);
});

test('publishing and status are kept apart: each is changed by its own column only', async () => {
  const { db } = shop.deps;
  const statusOf = async () =>
    (await exportCells(db))
      .filter((row) => row['Handle'] === 'apart')
      .map((row) => `${row['Published']} ${row['Status']}`);
  await importFile(db, 'Handle,Title,Variant Price,Published,Status\napart,Apart,10,FALSE,draft\n');
  await importFile(db, 'Handle,Status\napart,active\n');
  expect(await statusOf()).toEqual(['FALSE active']);
  expect((await shop.browser().get('/p/apart')).status).toBe(404);
  await importFile(db, 'Handle,Published\napart,TRUE\n');
  expect(await statusOf()).toEqual(['TRUE active']);
  expect((await productOf('apart')).slug).toBe('apart');
  await importFile(db, 'Handle,Status\napart,archived\n');
  await importFile(db, 'Handle,Published\napart,no\n');
  await importFile(db, 'Handle,Status\napart,active\n');
  expect(await statusOf()).toEqual(['no active']);
});

test('a variant that is not tracked, continues, or has no number is sold though its file says 0; a counted one is not', async () => {
  await importFile(shop.deps.db, fixture('stock-rules.csv'));
  const shopper = shop.browser();
  for (const slug of ['uncounted', 'beyond', 'unsaid']) {
    const [variant] = (await productOf(slug)).variants;
    expect([slug, variant.available > 0]).toEqual([slug, true]);
    await shopper.buy(variant.id, 2);
  }
  const [counted] = (await productOf('counted')).variants;
  expect((await shopper.add(counted.id)).status).toBe(409);
  const quantities = Object.fromEntries(
    (await exportCells(shop.deps.db)).map((row) => [row['Handle'], row['Variant Inventory Qty']]),
  );
  expect(quantities).toMatchObject({ uncounted: '0', beyond: '-2', unsaid: '', counted: '0' });
});

test('pictures stand in the order of their positions with their own texts, and each colour shows its own', async () => {
  await importFile(shop.deps.db, fixture('pictures.csv'));
  const scarf = await productOf('scarf');
  expect(scarf.images).toEqual([
    { url: 'https://pictures.example/front.jpg', alt: 'Front' },
    { url: 'https://pictures.example/green.jpg', alt: 'Green from the side' },
    { url: 'https://pictures.example/blue.jpg', alt: 'Blue from the side' },
    { url: 'https://pictures.example/label.jpg', alt: 'The label' },
  ]);
  expect(
    scarf.variants.map(({ color, imageUrl }: { color: string; imageUrl: string }) => [color, imageUrl]),
  ).toEqual([
    ['Green', 'https://pictures.example/green.jpg'],
    ['Blue', 'https://pictures.example/blue.jpg'],
  ]);
});

test('blocks of a description stay apart, as text and on the page, and nothing of their words is lost', async () => {
  await importFile(shop.deps.db, fixture('blocks.csv'));
  for (let index = 1; index <= 12; index++) {
    const { description } = await productOf(`b-${index}`);
    expect([index, plain(description)]).toEqual([index, 'Made of wool. Wash at 20.']);
    // Bullets separate the items of a list.
    const page = plain(String((await shop.browser().get(`/p/b-${index}`)).body).replaceAll('</li>', ' '));
    expect([index, page.includes('Made of wool. Wash at 20.')]).toEqual([index, true]);
  }
});

test('types of any script are categories of their own below "More", with their own names, whose lists follow later files', async () => {
  const { db } = shop.deps;
  await importFile(db, fixture('types.csv'));
  const { body } = await shop.browser().get('/api/categories');
  const names = body.items.map(({ name }: { name: string }) => name);
  const types = ['Tシャツ', 'Tバック', 'Рубашки', 'Юбки', 'Żakiety', 'Größen über 50', '👕', '👖', 'حذاء'];
  expect(names).toEqual(expect.arrayContaining(types));
  // They stand below one department, so that a file with many types does not fill the navigation.
  const { rows } = await sql<{ name: string }>`
    select c.name from categories c join categories above on above.id = c.parent_id where above.slug = 'more'`.execute(
    db,
  );
  expect(rows.map(({ name }) => name).sort()).toEqual(types.toSorted());
  const { slug } = body.items.find(({ name }: { name: string }) => name === 'Рубашки');
  const list = async () =>
    (await shop.browser().get(`/api/products?category=${encodeURIComponent(slug)}`)).body.items.length;
  expect(await list()).toBe(1);
  expect((await shop.browser().get(`/c/${encodeURIComponent(slug)}`)).status).toBe(200);
  await importFile(db, 'Handle,Title,Type,Variant Price\nt-10,Ten,Рубашки,10\n');
  await sql`update catalog_sets set raised_at = now() - interval '2 s'`.execute(db);
  const tags = await db.transaction().execute(raiseDirtySets);
  expect(Object.keys(tags)).toContain(`category:${encodeURIComponent(slug)}`);
});

test('semicolons and tabs are recognised and told, also below a line that names the separator', async () => {
  await using catalog = await openCatalog();
  const file = lines(
    'Handle,Title,Option1 Name,Option1 Value,Variant Price',
    'apart,Apart; or not,Size,M,10.50',
  );
  const semicolons = file.replaceAll(';', ' ').replaceAll(',', ';').replace('10.50', '10,50');
  const tabs = file.replaceAll(',', '\t');
  for (const [name, text, told] of [
    ['semicolons', semicolons, 'separates its columns by semicolons'],
    ['tabs', tabs, 'separates its columns by tabs'],
    ['a line before', `sep=;\r\n${semicolons}`, 'separates its columns by semicolons'],
  ]) {
    const run = await importFile(catalog.db, text!);
    expect([name, run.faults, run.notes]).toEqual([name, [], [{ line: 1, reason: told }]]);
    expect((await exportCells(catalog.db))[0]).toMatchObject({
      'Variant Price': '10.50',
      'Option1 Value': 'M',
    });
  }
  const bad = await importFile(catalog.db, `sep=;\n${semicolons.replace('10,50', 'ten')}`);
  expect(bad.faults.map(({ line }) => line)).toEqual([3]);
});

test('UTF-8 and UTF-16 are read with and without their marks; another encoding, or half a letter, is refused', async () => {
  await using catalog = await openCatalog();
  const text = (title: string) => lines('Handle,Title,Variant Price', `coat,${title},10`);
  const bigEndian = (buffer: Buffer) => Buffer.from(buffer).swap16();
  const files: Buffer[] = [
    Buffer.from(text('Größe 0 👕')),
    Buffer.from(`\ufeff${text('Größe 1 👕')}`),
    Buffer.from(`\ufeff${text('Größe 2 👕')}`, 'utf16le'),
    Buffer.from(text('Größe 3 👕'), 'utf16le'),
    bigEndian(Buffer.from(`\ufeff${text('Größe 4 👕')}`, 'utf16le')),
  ];
  for (const [index, file] of files.entries()) {
    expect(await importFile(catalog.db, file)).toMatchObject({ badRows: 0, rows: 1 });
    expect((await exportCells(catalog.db))[0]!['Title']).toBe(`Größe ${index} 👕`);
  }
  const latin = Buffer.from(text('Größe'), 'latin1');
  await expect(importFile(catalog.db, latin)).rejects.toThrow('The file is not in UTF-8');
  const cut = Buffer.from(`${lines('Handle,Title,Variant Price', 'coat,Coat,10').trimEnd()}👕`).subarray(
    0,
    -2,
  );
  await expect(importFile(catalog.db, cut)).rejects.toThrow('The file is not in UTF-8');
});

test('long labels are taken whole or told by their line, and no letter is split', async () => {
  await using catalog = await openCatalog();
  const heading = 'Handle,Title,Vendor,Type,Tags,Option1 Name,Option1 Value,Variant Price';
  const long = (letter: string, length: number) => `${letter.repeat(length - 1)}👕`;
  const whole = await importFile(
    catalog.db,
    lines(
      heading,
      `whole,${long('a', 255)},${long('v', 255)},${long('t', 255)},"${long('g', 255)},men",Size,${long('o', 255)},10`,
    ),
  );
  expect(whole).toMatchObject({ created: 1, faults: [] });
  expect((await exportCells(catalog.db))[0]).toMatchObject({
    Title: long('a', 255),
    Vendor: long('v', 255),
    Type: long('t', 255),
    Tags: `${long('g', 255)},men`,
    'Option1 Value': long('o', 255),
  });
  for (const row of [
    `x,${long('a', 256)},V,T,men,Size,M,10`,
    `x,X,${long('a', 256)},T,men,Size,M,10`,
    `x,X,V,${long('a', 256)},men,Size,M,10`,
    `x,X,V,T,${long('a', 256)},Size,M,10`,
    `x,X,V,T,men,Size,${long('a', 256)},10`,
  ]) {
    const told = await importFile(catalog.db, lines(heading, row));
    expect(told.faults[0]).toMatchObject({
      line: 2,
      reason: expect.stringContaining('more than 255 characters'),
    });
  }
});

test('a file without handles makes them of the titles, one product for the rows of one title', async () => {
  await using catalog = await openCatalog();
  const file = lines(
    'Title,Size,Option1 Name,Option1 Value,Price',
    'Only a title,a,Size,M,10.00',
    ',b,,L,11.00',
    'Нечто иное,c,Size,M,12.00',
    '👕,d,Size,M,12.00',
  );
  for (const outcome of [{ created: 2 }, { created: 0, unchanged: 2 }]) {
    const run = await importFile(catalog.db, file);
    expect(run).toMatchObject({ rows: 4, badRows: 1, ...outcome });
    expect(run.faults).toEqual([
      { line: 5, reason: "has no Handle and a Title of which none can be made: '👕'" },
    ]);
  }
  const rows = await exportCells(catalog.db);
  expect(rows.map((row) => `${row['Handle']} ${row['Option1 Value']} ${row['Size']}`)).toEqual([
    'only-a-title M a',
    'only-a-title L b',
    'нечто-иное M c',
  ]);
});

test('the counts of a report add up: no row is bad twice, and every row is counted', async () => {
  await using catalog = await openCatalog();
  const run = await importFile(
    catalog.db,
    lines(
      'Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty,Image Src,Variant Image',
      'good,Good,Size,M,10,5,,',
      'twice,Twice,Size,M,ten,5,http://pictures.example/a.jpg,http://pictures.example/a.jpg',
      ',,,,,,,',
      ',,Size,M,10,5,,',
      'bad handle,Bad,Size,S,10,5,,',
      'bad handle,,,M,10,5,,',
      'good,,,L,10,5,,',
      'half,Half,Size,M,10,1.5,,',
      'half,,,L,10,2,,',
    ),
  );
  expect(run).toMatchObject({ rows: 8, badRows: 6, created: 2, refused: 2 });
  expect(run.badRows).toBe(new Set([3, 5, 6, 7, 8, 9]).size);
});
