import { expect, test } from 'vitest';
import { listCategories } from '../../origin/catalog/list-categories.ts';
import { readProduct } from '../../origin/catalog/read-product.ts';
import { parseGarmentName } from '../../origin/demo-catalog/garment/garment-spec.ts';
import { renderGarment } from '../../origin/demo-catalog/garment/render-garment.ts';
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
