// The demo catalog: the same each time, drawn by names alone, and each size has its row in a size table.
import { describe, expect, test } from 'vitest';
import { type CategoryPlace, listCategories } from '../../origin/catalog/categories.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { chooseSizeTable } from '../../origin/catalog/views/size-guide.ts';
import { parseGarmentName, renderGarment } from '../../origin/demo-catalog/garment/render-garment.ts';
import { productLines } from '../../origin/demo-catalog/lines.ts';
import { buildDemoCatalog, loadDemoCatalog } from '../../origin/demo-catalog/load-demo-catalog.ts';
import { openCatalog } from './open-catalog.ts';

test('the demo catalog has at least 480 products, 4,000 variants and 14 kinds of garment, and is the same each time', () => {
  const drafts = buildDemoCatalog();
  const variants = drafts.flatMap((draft) => draft.variants);
  const kinds = new Set(drafts.flatMap((draft) => draft.images.map((image) => specOf(image.url).kind)));
  expect(drafts.length).toBeGreaterThanOrEqual(480);
  expect(variants.length).toBeGreaterThanOrEqual(4_000);
  expect(kinds.size).toBeGreaterThanOrEqual(14);
  expect(new Set(drafts.map((draft) => draft.slug)).size).toBe(drafts.length);
  expect(new Set(variants.map((variant) => variant.sku)).size).toBe(variants.length);
  expect(buildDemoCatalog()).toEqual(drafts);
});

test('each demo picture is drawn by its name alone, in a few KB of SVG', () => {
  const urls = new Set(buildDemoCatalog().flatMap((draft) => draft.images.map((image) => image.url)));
  for (const url of urls) {
    const svg = renderGarment(specOf(url));
    expect(svg).toMatch(/^<svg [^>]+>.*<\/svg>$/s);
    expect(svg).not.toMatch(/NaN|undefined|\{\w+\}/);
    expect(svg.length).toBeLessThan(9_000);
  }
});

test('loading the demo catalog again changes nothing', async () => {
  await using catalog = await openCatalog();
  const made = await loadDemoCatalog(catalog.db);
  const first = await readProduct(catalog.db, buildDemoCatalog()[0]!.slug);
  expect(await loadDemoCatalog(catalog.db)).toBe(0);
  expect(await readProduct(catalog.db, buildDemoCatalog()[0]!.slug)).toEqual(first);
  const { value: categories } = await listCategories(catalog.db);
  const departments = categories.filter((category) => category.parent === null);
  expect(departments.map((department) => department.slug)).toEqual(['women', 'men', 'kids', 'accessories']);
  expect(departments.reduce((sum, department) => sum + department.productCount, 0)).toBe(made);
});

function specOf(url: string) {
  return parseGarmentName(url.replace('/images/', ''))!;
}

// Each size of the demo catalog has a row in the table of its garment and wearer. Uncertain sizes have no table.

function pathOf(...names: string[]): CategoryPlace[] {
  return names.map((name) => ({ name, slug: name.toLowerCase().replace(/\W+/g, '-'), parent: null }));
}

/** Title and columns of the size table, by product line. */
const measured: [line: RegExp, title: string | undefined, head: string[]][] = [
  [
    /^women-(dresses|blouses|skirts|trousers|coats|blazers)$/,
    'Women’s sizes',
    ['EU', 'UK', 'US', 'Bust', 'Waist', 'Hip'],
  ],
  [/^women-(t-shirts|tops|knitwear|cardigans)$/, 'Women’s sizes', ['Size', 'EU', 'Bust', 'Waist', 'Hip']],
  [/^women-jeans$/, 'Women’s waists', ['Waist in inches', 'Waist', 'Hip']],
  [/^men-(jeans|trousers)$/, 'Men’s waists', ['Waist in inches', 'Waist', 'Hip']],
  [/^men-/, 'Men’s sizes', ['Size', 'EU', 'Chest', 'Waist', 'Seat']],
  [/^kids-/, 'Children’s sizes', ['Size', 'Height', 'Age', 'Chest', 'Waist']],
  [/-socks$/, 'Socks', ['Size', 'EU shoe size', 'Foot length']],
  [/-(caps|beanies)$/, 'Hats and caps', ['Size', 'Head']],
  [/-scarves$/, undefined, []],
];

test('each category and size of the demo catalog has its row in the table of its kind', () => {
  const seen = new Set<string>();
  for (const product of buildDemoCatalog()) {
    const path = product.category.map((place) => ({ ...place, parent: null }));
    const slug = path.at(-1)!.slug;
    const [, title, head] = measured.find(([line]) => line.test(slug))!;
    const sizes = product.variants.map((variant) => variant.size);
    const table = chooseSizeTable(path, sizes);
    expect([slug, table?.title, table?.head ?? []]).toEqual([slug, title, head]);
    if (table === undefined) continue;
    const rows = table.rows.map(([size]) => size);
    expect(new Set(rows).size).toBe(rows.length);
    for (const size of sizes) expect(rows, `${slug} ${size}`).toContain(size);
    for (const row of table.rows) expect(row).toHaveLength(head.length);
    seen.add(slug);
  }
  expect(seen.size).toBe(productLines.length - 1);
});

describe('a category of an imported file', () => {
  test.each([
    ['Men / Shoes', ['41', '42', '43'], 'Men’s shoes'],
    ['Women / Ankle Boots', ['EU 38', 'EU 39'], 'Women’s shoes'],
    ['Kids / Trainers', ['28', '29', '30'], 'Children’s shoes'],
    ['Sneakers', ['38', '42', '45'], 'Shoes'],
    ['Accessories / Leather Belts', ['85', '95', '105'], 'Belts'],
    ['Belts', ['85', '90'], 'Belts'],
    ['Wool Hats', ['56', '58'], 'Hats and caps'],
    ['Hats', ['S/M', 'L/XL'], 'Hats and caps'],
    ['Socks', ['36-40', '41 – 46'], 'Socks'],
    ['Women / Shirt Dresses', ['36', '38'], 'Women’s sizes'],
    ["Women's Tops & T-shirts", ['S', 'M', '2XL'], 'Women’s sizes'],
    ['Men / Suits', ['48', '50', '52'], 'Men’s sizes'],
    ['Men / Dress Shirts', ['39', '40', '41'], 'Men’s shirts by collar'],
    ['Men / Jeans', ['W32 L34', 'W34 L34'], 'Men’s waists'],
    ['Men / Chinos', ['32 / 30', '34 / 32'], 'Men’s waists'],
    ['Girls / Dresses', ['4 years', '5–6 years'], 'Children’s sizes by age'],
    ['Kids / Pyjamas', ['12-18 months', '2Y'], 'Children’s sizes by age'],
    ['Women / Dresses', ['Small', 'Medium', 'Large'], 'Women’s sizes'],
  ])('%s in %j: %s', (names, sizes, title) => {
    expect(chooseSizeTable(pathOf(...names.split(' / ')), sizes)?.title).toBe(title);
  });

  test.each([
    ['nobody says for whom', 'Shirts', ['S', 'M', 'L']],
    ['the kind is unknown', 'Women / Gloves', ['S', 'M']],
    ['it is no garment', 'Bedding', ['140', '200']],
    ['it only sounds like one', 'Women / Shoe Bags', ['38', '40']],
    ['it is rings', 'Rings', ['52', '54', '56']],
    ['several kinds are meant', 'Women / Shoes & Socks', ['38', '39']],
    ['the department is all there is', 'Women', ['38', '40']],
    ['inches and sizes are both possible', 'Women / Jeans', ['34', '36', '38']],
    ['a size has no row', 'Women / Dresses', ['38', 'Petite']],
    ['letters are no shoes', 'Women / Shoes', ['S', 'M']],
    ['the numbers may be British or American', 'Men / Shoes', ['7', '8', '9']],
    ['there is nothing to choose', 'Women / Dresses', ['']],
    ['the words are of another language', 'أحذية', ['38', '39']],
  ])('has no table where %s', (_why, names, sizes) => {
    expect(chooseSizeTable(pathOf(...names.split(' / ')), sizes)).toBeUndefined();
  });
});
