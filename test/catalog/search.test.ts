import { expect, test } from 'vitest';
import { changeProduct } from '../../origin/catalog/change/change-product.ts';
import type { ProductDraft } from '../../origin/catalog/change/product-draft.ts';
import { listProducts } from '../../origin/catalog/list/list-products.ts';
import { parseListQuery } from '../../origin/catalog/list/list-query.ts';
import { parseSynonyms, toSearchQuery } from '../../origin/catalog/search/search-query.ts';
import { editDistance, suggestSpelling } from '../../origin/catalog/search/suggest-spelling.ts';
import type { Db } from '../../origin/schema.ts';
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

test('products with a word in their name come before those that only mention it', async () => {
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

test('a typing slip gets a suggestion that finds products, and other words get none', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, range);
  const cases: [q: string, phrases: string[]][] = [
    ['jakcet', ['jacket']],
    ['jaket', ['jacket']],
    ['lnien shirt', ['linen shirt']],
    ['harington jacke', ['harrington jacke']],
    ['burgandy', ['burgundy']],
    ['Búrgandy!', ['burgundy']],
    // Each word is near a known one, but no product has both.
    ['lnien jakcet', []],
    ['xylophone', []],
    ['', []],
  ];
  for (const [q, phrases] of cases) {
    expect([q, await suggest(catalog.db, q)]).toEqual([q, { phrases, clear: phrases.length === 1 }]);
    for (const phrase of phrases) expect(await search(catalog.db, phrase)).not.toEqual([]);
  }
});

test('of two equally near words, the one that finds far more is clear; otherwise both are proposed', async () => {
  await using catalog = await openCatalog();
  const named = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => aProduct(`${name}-${index}`, { name: `${name} ${index}` }));
  await saveAll(catalog.db, [...named('Scarf', 8), ...named('Scart', 1)]);
  expect(await suggest(catalog.db, 'scarg')).toEqual({ phrases: ['scarf', 'scart'], clear: true });
  await saveAll(catalog.db, named('Scart', 4));
  expect(await suggest(catalog.db, 'scarg')).toEqual({ phrases: ['scarf', 'scart'], clear: false });
});

test('words of archived products alone are not proposed', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, [...range, aProduct('old', { name: 'Velvet Cape', status: 'archived' })]);
  expect(await suggest(catalog.db, 'velvte')).toEqual({ phrases: [], clear: false });
});

test('a product that staff rename is found by its new name, and its words are known', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, range);
  const { value } = await listProducts(catalog.db, parseListQuery(new URLSearchParams('q=coat'), 'api'));
  await catalog.db
    .transaction()
    .execute((tx) => changeProduct(tx, value.items[0]!.id, { name: 'Velvet Cape' }));
  expect(await search(catalog.db, 'velvet')).toEqual(['b']);
  expect((await suggest(catalog.db, 'velvte')).phrases).toEqual(['velvet']);
});

test('a t-shirt is one word however it is written, and no shirt', async () => {
  await using catalog = await openCatalog();
  const other: Pick<ProductDraft, 'category' | 'productType'> = {
    category: [{ slug: 'other', name: 'Other' }],
    productType: 'Other',
  };
  await saveAll(catalog.db, [
    aProduct('a', { ...other, name: 'Plain T-Shirt' }),
    aProduct('b', { ...other, name: 'T Shirt with a pocket' }),
    aProduct('c', { ...other, name: 'Two Tshirts' }),
    aProduct('d', { ...other, name: 'Linen Shirt' }),
  ]);
  for (const q of ['t-shirt', 'tshirt', 'T shirt', 'T‑SHIRTS', 't.shirt', 'tee shirt', 'tees'])
    expect([q, (await search(catalog.db, q)).toSorted()]).toEqual([q, ['a', 'b', 'c']]);
  expect(await search(catalog.db, 'shirt')).toEqual(['d']);
});

test('words with a hyphen are found joined and apart, whichever way they are written', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, [
    aProduct('a', { name: 'Sweat-Shirt' }),
    aProduct('b', { name: 'Sweat Shirt' }),
    aProduct('c', { name: 'Sweatshirt' }),
  ]);
  for (const q of ['sweat-shirt', 'sweat shirt', 'sweatshirt', 'Sweatshirts'])
    expect([q, (await search(catalog.db, q)).toSorted()]).toEqual([q, ['a', 'b', 'c']]);
});

test('the name as typed comes first, then names that begin so, then names, then kind and colour, then the text', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, [
    aProduct('exact', { name: 'Navy T-Shirt' }),
    aProduct('begins', { name: 'Navy T-Shirt with a pocket' }),
    aProduct('name', { name: 'Heavy T-Shirt in Navy', variants: [aVariant('name', 'M', 'Rust')] }),
    aProduct('colour', { name: 'Organic T-Shirt', variants: [aVariant('colour', 'M', 'Navy')] }),
    aProduct('text', {
      name: 'Coat',
      descriptionHtml: '<p>Goes with a navy t-shirt, a navy t-shirt and a navy t-shirt.</p>',
      variants: [aVariant('text', 'M', 'Rust')],
    }),
    // Newer products of another kind must not come first.
    aProduct('synonym', { name: 'Navy Tee', variants: [aVariant('synonym', 'M', 'Rust')] }),
  ]);
  expect(await search(catalog.db, 'navy t-shirt')).toEqual([
    'exact',
    'begins',
    'name',
    'synonym',
    'colour',
    'text',
  ]);
});

test('a product is found by its article number, with its signs and without them, and only by the whole', async () => {
  await using catalog = await openCatalog();
  const variants = [aVariant('a', 'M', 'Navy', { sku: 'MC-10.42/navy_M' })];
  await saveAll(catalog.db, [aProduct('a', { variants }), aProduct('b')]);
  for (const q of ['MC-10.42/navy_M', 'mc-10.42/navy_m', 'mc1042navym'])
    expect([q, await search(catalog.db, q)]).toEqual([q, ['a']]);
  expect(await search(catalog.db, 'mc-10.42/navy_l')).toEqual([]);
});

test('a word also finds products that are named by its synonym', async () => {
  await using catalog = await openCatalog();
  await saveAll(catalog.db, [
    aProduct('a', { name: 'Alder Jumper' }),
    aProduct('b', { name: 'Chino Trousers' }),
    aProduct('c', { name: 'Court Trainers' }),
    aProduct('d', { name: 'Leather Bag' }),
    aProduct('e', { name: 'Ribbed Vest' }),
  ]);
  const cases: [q: string, slug: string][] = [
    ['sweater', 'a'],
    ['pullovers', 'a'],
    ['pants', 'b'],
    ['chino pants', 'b'],
    ['sneakers', 'c'],
    ['handbag', 'd'],
    ['tank top', 'e'],
    ['ribbed tank-top', 'e'],
  ];
  for (const [q, slug] of cases) expect([q, await search(catalog.db, q)]).toEqual([q, [slug]]);
});

test('a file of synonyms may hold comments, empty lines, runs of words and plurals', () => {
  const synonyms = parseSynonyms('# a comment\n\nTank-Top, Vests ,\r\nCafé, coffee house\n');
  const ask = (...words: string[]) =>
    toSearchQuery(
      words.map((word, chunk) => ({ word, chunk, stop: false })),
      synonyms,
    ).wide;
  expect(ask('vest')).toBe("('vest':* | ('tank' & 'top'))");
  expect(ask('tank', 'tops')).toBe("('tank' | 'tanktops':* | 'vests') & ('tops':* | 'tanktops':* | 'vests')");
  expect(ask('cafe')).toBe("('cafe':* | ('coffee' & 'house'))");
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

async function suggest(db: Db, q: string) {
  return (await suggestSpelling(db, parseListQuery(new URLSearchParams({ q }), 'api'))).value;
}
