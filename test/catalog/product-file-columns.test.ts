import { afterAll, beforeAll, expect, test } from 'vitest';
import { changeProduct } from '../../origin/catalog/change/change-product.ts';
import { setStock } from '../../origin/catalog/change/stock.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { exportCells, exportText, fixture, importFile, lines, readCells } from './file-runs.ts';
import { type OpenCatalog, openCatalog } from './open-catalog.ts';

let catalog: OpenCatalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog?.[Symbol.asyncDispose]());

const cellsOf = async (handle: string) =>
  (await exportCells(catalog.db)).filter((row) => row['Handle'] === handle);
const variantsOf = async (handle: string) => (await readProduct(catalog.db, handle)).value!.variants;

test('every column of a file is given back with its cells as they stood, known to the shop or not', async () => {
  await using own = await openCatalog();
  const file = fixture('every-column.csv');
  expect(await importFile(own.db, file)).toMatchObject({ rows: 4, created: 2, badRows: 0 });
  const back = await exportCells(own.db);
  expect(back).toHaveLength(4);
  for (const [index, row] of readCells(file).entries()) {
    const kept = Object.fromEntries(Object.keys(row).map((name) => [name.trim(), back[index]![name.trim()]]));
    const given = Object.fromEntries(Object.entries(row).map(([name, cell]) => [name.trim(), cell]));
    expect(kept).toEqual(given);
  }
});

test('an export imported again changes nothing, and exported again is the same to the byte, here and in another shop', async () => {
  await using own = await openCatalog();
  for (const name of [
    'every-column.csv',
    'publishing.csv',
    'stock-rules.csv',
    'pictures.csv',
    'blocks.csv',
    'types.csv',
  ])
    await importFile(own.db, fixture(name));
  const file = await exportText(own.db);
  const again = await importFile(own.db, file);
  expect(again).toMatchObject({ created: 0, changed: 0, refused: 0, faults: [] });
  expect(await exportText(own.db)).toBe(file);
  await using other = await openCatalog();
  await importFile(other.db, file);
  expect(await exportText(other.db)).toBe(file);
});

test('a column that the file lacks leaves its values, on a draft too', async () => {
  await importFile(
    catalog.db,
    lines(
      'Handle,Title,Body (HTML),Vendor,Type,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty,Variant Compare At Price,Image Src,Status',
      'kept-tee,Kept tee,<p>Text</p>,Oda,Tees,"women,soft",Size,M,KEPT-M,10.00,5,12.00,https://pictures.example/k.jpg,draft',
    ),
  );
  const [before] = await cellsOf('kept-tee');
  for (const row of [
    'Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\nkept-tee,Kept tee,Size,M,KEPT-M,9.00',
    'Handle,Variant SKU,Variant Price\nkept-tee,KEPT-M,9.00',
    'Handle,Variant Price\nkept-tee,9.00',
    'Handle,Option1 Value,Variant Price\nkept-tee,M,9.00',
  ]) {
    await importFile(catalog.db, `${row.replaceAll('9.00', '10.00')}\n`);
    const run = await importFile(catalog.db, `${row}\n`);
    expect(run).toMatchObject({ changed: 1, created: 0, faults: [] });
    expect(await cellsOf('kept-tee')).toEqual([{ ...before, 'Variant Price': '9.00' }]);
  }
});

test('an empty cell clears what it names', async () => {
  const heading =
    'Handle,Title,Body (HTML),Vendor,Type,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,SEO Title,Colour of thread';
  await importFile(
    catalog.db,
    lines(
      heading,
      'cleared,Cleared,<p>Text</p>,Oda,Tees,women,Size,M,CLR-M,10.00,12.00,4006381333931,https://pictures.example/c.jpg,For machines,red',
    ),
  );
  await importFile(catalog.db, lines(heading, 'cleared,Cleared,,,,,Size,M,,10.00,,,,,'));
  const [row] = await cellsOf('cleared');
  for (const name of [
    'Body (HTML)',
    'Vendor',
    'Type',
    'Tags',
    'Variant SKU',
    'Variant Compare At Price',
    'Variant Barcode',
    'Image Src',
    'SEO Title',
    'Colour of thread',
  ])
    expect([name, row![name]]).toEqual([name, '']);
  expect((await readProduct(catalog.db, 'cleared')).value).toMatchObject({
    brand: '',
    description: '',
    category: 'more',
  });
});

test('a full file after a partial one, and a partial one for a new product, say what is missing', async () => {
  const partial = await importFile(catalog.db, 'Handle,Variant SKU,Variant Price\nnot-yet,NY-1,10\n');
  expect(partial).toMatchObject({
    created: 0,
    refused: 1,
    badRows: 1,
    faults: [{ line: 2, reason: 'has no Title' }],
  });
  await importFile(catalog.db, 'Handle,Title,Variant SKU,Variant Price\nnot-yet,Not yet,NY-1,10\n');
  const unpriced = await importFile(
    catalog.db,
    'Handle,Title,Option1 Name,Option1 Value,Variant SKU\nnot-yet,Not yet,Size,L,NY-2\n',
  );
  expect(unpriced.faults).toEqual([{ line: 2, reason: 'is a new variant and has no Variant Price' }]);
});

test('a stock that staff set stays where the file has no quantities, however often it is imported', async () => {
  const file = lines(
    'Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Policy,Variant Price',
    'many-places,Many places,Size,M,MP-M,shopify,deny,10.00',
  );
  await importFile(catalog.db, file);
  const { id } = (await variantsOf('many-places'))[0]!;
  await catalog.db.transaction().execute((tx) => setStock(tx, id, 40));
  expect(await importFile(catalog.db, file)).toMatchObject({ unchanged: 1 });
  expect(await variantsOf('many-places')).toMatchObject([{ id, available: 40 }]);
});

test('what staff changed is exported as it now is, also where the file had written it otherwise', async () => {
  await importFile(
    catalog.db,
    lines(
      'Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty',
      'staffed,Staffed,<div class="x">Old</div>,Size,M,10,5',
    ),
  );
  expect(await cellsOf('staffed')).toMatchObject([
    { 'Variant Price': '10', 'Body (HTML)': '<div class="x">Old</div>' },
  ]);
  const { value } = await readProduct(catalog.db, 'staffed');
  await catalog.db.transaction().execute((tx) =>
    changeProduct(tx, value!.id, {
      price: { amount: 1_250, currency: 'EUR' },
      description: 'New "text"\n& more',
    }),
  );
  const [row] = await cellsOf('staffed');
  expect(row).toMatchObject({ 'Variant Price': '12.50', 'Body (HTML)': '<p>New "text"<br>&amp; more</p>' });
  expect(await importFile(catalog.db, await exportText(catalog.db))).toMatchObject({
    changed: 0,
    created: 0,
  });
});

test('column names of newer exports mean the same', async () => {
  await importFile(
    catalog.db,
    lines(
      'Title,URL handle,Description,Vendor,Product category,Published on online store,Status,SKU,Barcode,Option1 name,Option1 value,Price,Compare-at price,Charge tax,Inventory tracker,Inventory quantity,Continue selling when out of stock,Weight value (grams),Product image URL,Image alt text,Variant image URL',
      'Newer,newer-tee,<p>Text</p>,Oda,Apparel,TRUE,active,NEW-1,400,Size,M,15,20,TRUE,shopify,3,TRUE,120,https://pictures.example/n.jpg,Newest,https://pictures.example/n.jpg',
    ),
  );
  expect(await cellsOf('newer-tee')).toMatchObject([
    {
      'Variant SKU': 'NEW-1',
      'Variant Barcode': '400',
      'Variant Price': '15',
      'Variant Compare At Price': '20',
      'Variant Inventory Policy': 'continue',
      'Variant Grams': '120',
      'Product category': 'Apparel',
      'Variant Image': 'https://pictures.example/n.jpg',
      'Image Alt Text': 'Newest',
    },
  ]);
});

test('cells that a spreadsheet would run are exported harmless and come back unchanged', async () => {
  const odd = ['=1+1', '+49 30 123', '-gift', '@home', "'=quoted", "''@twice", "'plain", '＝wide', '\t=tab'];
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const rows = odd.map(
    (text, index) =>
      `odd-${index},${quote(text)},${quote(text)},${quote(text)},${quote(text)},${quote(text)},10,-2`,
  );
  await using own = await openCatalog();
  await importFile(
    own.db,
    lines('Handle,Title,Vendor,=Own,Variant SKU,Option1 Value,Variant Price,Variant Inventory Qty', ...rows),
  );
  const text = await exportText(own.db);
  for (const row of readCells(text)) {
    for (const [name, cell] of Object.entries(row)) {
      if (name !== 'Variant Inventory Qty') expect(cell).not.toMatch(/^[=+\-@\t\r＝]/);
    }
    expect(row['Variant Inventory Qty']).toBe('-2');
  }
  expect((await readProduct(own.db, 'odd-0')).value).toMatchObject({ name: '=1+1', brand: '=1+1' });
  expect((await readProduct(own.db, 'odd-3')).value).toMatchObject({ name: '@home' });
  expect(await importFile(own.db, text)).toMatchObject({ changed: 0, created: 0, badRows: 0 });
  expect(await exportText(own.db)).toBe(text);
});

test('material, care, origin and who answers for a product are columns: kept where absent, cleared where empty', async () => {
  await using own = await openCatalog();
  const facts = async () => {
    const { value } = await readProduct(own.db, 'safe-tee');
    const { material, care, manufacturer, responsiblePerson } = value!;
    return { material, care, manufacturer, responsiblePerson };
  };
  await importFile(
    own.db,
    lines(
      'Handle,Title,Variant Price,Product Material,product care,Manufacturer Name,Manufacturer Address',
      'safe-tee,Safe tee,10.00, 100 % cotton ,"Wash cold\nHang dry",Norlund A/S,Havnegade 1',
    ),
  );
  const all = {
    material: '100 % cotton',
    care: 'Wash cold\nHang dry',
    manufacturer: { name: 'Norlund A/S', address: 'Havnegade 1' },
    responsiblePerson: undefined,
  };
  expect(await facts()).toEqual(all);
  const [row] = await exportCells(own.db);
  expect(row).toMatchObject({
    'Product Material': ' 100 % cotton ',
    'Manufacturer Name': 'Norlund A/S',
    'Responsible Person Email': '',
  });
  expect(await importFile(own.db, await exportText(own.db))).toMatchObject({ changed: 0, faults: [] });
  await importFile(own.db, lines('Handle,Title,Variant Price', 'safe-tee,Safe tee,11.00'));
  expect(await facts()).toEqual(all);
  await importFile(
    own.db,
    lines('Handle,Title,Product Material,Responsible Person Name', 'safe-tee,Safe tee,,EU Rep GmbH'),
  );
  expect(await facts()).toEqual({ ...all, material: undefined, responsiblePerson: { name: 'EU Rep GmbH' } });
});
