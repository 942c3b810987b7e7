// Signs, accents and scripts: a product is found however its name is typed.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listProducts } from '../../origin/catalog/list/list-products.ts';
import { parseListQuery } from '../../origin/catalog/list/list-query.ts';
import { aProduct, aVariant, type OpenCatalog, openCatalog, saveAll } from './open-catalog.ts';

const titles = [
  'Levi’s® 501 Jeans',
  'Nike™ Runner',
  '“Zephyrine” Blouse',
  'Quokka–Xanadu Skirt',
  'Dr.Marvens Boots',
  'J.Krew Chino',
  'Zibeline/Yakuza Top',
  'Plume-Quilt/Vestico',
  'Narwhal👕',
  '«Ottoman» Coat',
  'Kestrel…Falcon',
  'Osprey•Heron',
  'Merino—Alpaca',
  'H&M Basic',
  'Zigzag+Zagzig',
  'Bandicoot_Tee',
  'info@wallaby.shop Tee',
  'AT&T/Verizonia',
  'Women’s Gazelle',
  'Cotton:Possum',
  'Echidna,Numbat',
  '(Bilby)Tee',
  'x.Potoroo',
  '3/4Sleeve Dugong',
  '1.5mm Cassowary',
  '‘Rosella’',
  '„Galah“',
  'Emu\u00a0Thin',
  'Emu\u2009Thick',
  'Brolga‑Jabiru',
  'Soft\u00adshell Quoll',
  'Straße Kostüm',
  'Ærø Smørrebrød Sweater',
  'Łódź Żakiet',
  'Cre\u0300me Brûlée Robe',
  'ＦＵＬＬ Ｗｉｄｔｈ',
  'ﬁne ﬂannel',
  'Ёлочка Футболка',
  'Πουκάμισο Λευκό',
  'قَمِيص ناعم',
  'חוּלצה לבנה',
  'हिन्दी कमीज़',
  'เสื้อเชิ้ต',
  '羊毛コート パーカ',
  '셔츠 린넨',
  'The Who What Wear',
  'L’Été d’Ange',
  'A-Line & V-Neck',
  '100% Wool <b>Bold</b> Hat',
];
const slugOf = (title: string) => `p${titles.indexOf(title)}`;

let catalog: OpenCatalog;
beforeAll(async () => {
  catalog = await openCatalog();
  await saveAll(
    catalog.db,
    titles.map((name) => {
      const slug = slugOf(name);
      return aProduct(slug, { name, variants: [aVariant(slug, 'M', 'Navy', { sku: `Art.${slug}/№7` })] });
    }),
  );
});
afterAll(() => catalog?.[Symbol.asyncDispose]());

const search = async (q: string) => {
  const { value } = await listProducts(catalog.db, parseListQuery(new URLSearchParams({ q }), 'api'));
  return value.items.map((item) => item.slug);
};
const wordsOf = (title: string) => title.match(/[\p{L}\p{N}\p{M}\u00ad]{2,}/gu) ?? [];

test.each(titles)(
  '%s is found first by its exact title, in upper case, decomposed and composed',
  async (title) => {
    for (const q of [title, title.toUpperCase(), title.normalize('NFD'), title.normalize('NFC')])
      expect([q, (await search(q))[0]]).toEqual([q, slugOf(title)]);
  },
);

test.each(titles)('%s is found by its title without accents and signs', async (title) => {
  const typed = [
    title
      .replace(/[’‘]/g, "'")
      .replace(/[“”„«»]/g, '"')
      .replace(/[–—‑]/g, '-')
      .replace(/…/g, '...'),
    title.replace(/[^\p{L}\p{N}\p{M}\s]/gu, ' '),
    title.replace(/[^\p{L}\p{N}\p{M}\s]/gu, ''),
    title.normalize('NFKD').replace(/\p{Mn}/gu, (mark) => (mark < '\u0900' ? '' : mark)),
  ];
  for (const q of typed) expect([q, await search(q)]).toEqual([q, expect.arrayContaining([slugOf(title)])]);
});

test.each(titles)('%s is found by each of its words', async (title) => {
  for (const q of wordsOf(title))
    expect([q, await search(q)]).toEqual([q, expect.arrayContaining([slugOf(title)])]);
});

test.each(titles)('%s is found by its article number alone', async (title) => {
  expect(await search(`Art.${slugOf(title)}/№7`)).toEqual([slugOf(title)]);
});

test('letters and digits of every script are kept, and signs, spaces and invisible characters belong to no word', async () => {
  const characters: string[] = [];
  for (let code = 0x21; code < 0x1fb00; code++) {
    if (code >= 0xd800 && code <= 0xf8ff) continue;
    characters.push(String.fromCodePoint(code));
  }
  const kept = async (among: string[]) => {
    const { rows } = await sql<{ character: string }>`
      select character from unnest(${among}::text[]) as character
      where search_normal('x' || character || 'x') ~ '^x[^ -]+x$'`.execute(catalog.db);
    return rows.map((row) => row.character);
  };
  // Unicode spells some signs with letters, such as ½ as 1/2. Those are left out here.
  const signs = characters.filter(
    (one) => /[\p{P}\p{S}\p{Z}]/u.test(one) && !/\p{Alphabetic}/u.test(one) && one.normalize('NFKC') === one,
  );
  const wrong = await kept(signs);
  expect(wrong.filter((one) => /\p{P}/u.test(one) || one >= '\u{1f000}')).toEqual([]);
  // Rules of `unaccent` write some signs as letters, such as № as No. Products and searches get the same letters.
  expect(wrong.length).toBeLessThan(signs.length / 20);
  // The other letters are newer than Postgres' tables, or Unicode spells them with a space.
  const letters = characters.filter((one) => /[\p{Ll}\p{Lo}]/u.test(one));
  const known = new Set(await kept(letters));
  expect(known.size / letters.length).toBeGreaterThan(0.99);
});
