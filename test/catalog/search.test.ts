import { expect, test } from 'vitest';
import { changeProduct } from '../../origin/catalog/change/change-product.ts';
import type { ProductDraft } from '../../origin/catalog/change/product-draft.ts';
import { listProducts } from '../../origin/catalog/list/list-products.ts';
import { parseListQuery } from '../../origin/catalog/list/list-query.ts';
import { editDistance } from '../../origin/catalog/search/edit-distance.ts';
import { suggestSpelling } from '../../origin/catalog/search/search-words.ts';
import type { Db } from '../../origin/postgres/database.ts';
import { aProduct, aVariant, openCatalog, saveAll } from './open-catalog.ts';

const at = (category: string): Pick<ProductDraft, 'category' | 'productType'> => ({
  category: [
    { slug: 'men', name: 'Men' },
    { slug: `men-${category.toLowerCase()}`, name: category },
  ],
  productType: category,
});

const range = [
  aProduct('a', { ...at('Tops'), name: 'Linen Shirt', descriptionHtml: '<p>For warm days.</p>' }),
  aProduct('b', { ...at('Coats'), name: 'Wool Coat', descriptionHtml: '<p>Worn over a shirt.</p>' }),
  aProduct('c', { ...at('Jackets'), name: 'Harrington Jacket', variants: [aVariant('c', 'M', 'Burgundy')] }),
  aProduct('d', { ...at('Shorts'), name: 'Running Shorts', brand: 'Halma' }),
];

test('what bears a word in its name comes before what only speaks of it', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, range);
  expect(await search(catalog.db, 'shirt')).toEqual(['a', 'b']);
});

test('words are found by stem, by beginning, by brand, colour and department, in any case, and all must occur', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, range);
  const cases: [q: string, slugs: string[]][] = [
    ['jackets', ['c']],
    ['HARR', ['c']],
    ['halma', ['d']],
    ['burgundy', ['c']],
    ['men shorts', ['d']],
    ['run sho', ['d']],
    ['wool jacket', []],
    ['the', []],
    ["' | !", []],
  ];
  for (const [q, slugs] of cases) expect([q, await search(catalog.db, q)]).toEqual([q, slugs]);
});

test('a slip of the keyboard is answered with the word that was meant, a known word with nothing', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, range);
  const cases: [q: string, meant: string | undefined][] = [
    ['jakcet', 'jacket'],
    ['jaket', 'jacket'],
    ['lnien shirt', 'linen shirt'],
    ['harington jacke', 'harrington jacke'],
    ['burgandy', 'burgundy'],
    ['shirt', undefined],
    ['shir', undefined],
    ['xylophone', undefined],
    ['', undefined],
  ];
  for (const [q, meant] of cases)
    expect([q, (await suggestSpelling(catalog.db, q)).value]).toEqual([q, meant]);
});

test('a product that staff rename is found by its new name, and its words are known', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, range);
  const { value } = await listProducts(catalog.db, parseListQuery(new URLSearchParams('q=coat'), 'api'));
  await catalog.db
    .transaction()
    .execute((tx) => changeProduct(tx, value.items[0]!.id, { name: 'Velvet Cape' }));
  expect(await search(catalog.db, 'velvet')).toEqual(['b']);
  expect((await suggestSpelling(catalog.db, 'velvte')).value).toBe('velvet');
});

test('the distance of two words counts letters left out, added, changed and swapped', () => {
  expect(editDistance('jacket', 'jacket')).toBe(0);
  expect(editDistance('jakcet', 'jacket')).toBe(1);
  expect(editDistance('jaket', 'jacket')).toBe(1);
  expect(editDistance('coat', 'boot')).toBe(2);
  expect(editDistance('', 'abc')).toBe(3);
});

async function search(db: Db, q: string): Promise<string[]> {
  const { value } = await listProducts(db, parseListQuery(new URLSearchParams({ q }), 'api'));
  return value.items.map((item) => item.slug);
}
