// Chooses a product's size table by kind of garment and wearer. Shows none unless exactly one table fits.
import { fold, type Html, html } from '../../web/page/html.ts';
import type { CategoryPlace } from '../categories.ts';
import { type Garment, garmentOf, type Wearer, wearerOf } from './garment-words.ts';

export interface SizeTable {
  /** Title of the table, such as `Women’s sizes`. */
  title: string;
  head: string[];
  /** Each row begins with the size's label. */
  rows: string[][];
  note: string;
}

/** @returns nothing where no single table fits */
export function sizeGuide(path: CategoryPlace[], sizes: string[]): Html | '' {
  const table = chooseSizeTable(path, sizes);
  if (table === undefined) return '';
  return fold(
    'Size guide',
    html`<table class="sizing"><caption>${table.title}, body measurements in centimetres</caption>
<thead><tr>${table.head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${table.rows.map(
      ([size, ...cells]) =>
        html`<tr><th scope="row">${size}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
    )}</tbody></table>
<p class="hint">${table.note}</p>`,
  );
}

/**
 * Takes garment and wearer from the category. Chooses the only table of that garment that knows each size; none
 * otherwise.
 * @param path from the department down to the product's category
 */
export function chooseSizeTable(path: CategoryPlace[], sizes: string[]): SizeTable | undefined {
  const garment = garmentOf(path);
  if (garment === undefined) return undefined;
  const labels = [...new Set(sizes.map(plainLabel))].filter((label) => label !== '');
  if (labels.length === 0) return undefined;
  const fitting = tablesOf(garment, wearerOf(path))
    .map((table) => table(labels))
    .filter((table) => table !== undefined);
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** `M / Long` is an M, `2XL` an XXL; `EU 38` and `38` are the same. */
function plainLabel(size: string): string {
  const label = size
    .split(' / ')[0]!
    .trim()
    .replace(/^(?:EU|EUR|Size)\s+/i, '')
    .replace(/\s*[-–—]\s*/g, '–');
  return lettersOf[label.toUpperCase()] ?? label;
}

const lettersOf: Record<string, string> = {
  'EXTRA SMALL': 'XS',
  SMALL: 'S',
  MEDIUM: 'M',
  LARGE: 'L',
  'EXTRA LARGE': 'XL',
  '2XL': 'XXL',
  '3XL': 'XXXL',
};

/** @returns the table if it has a row for each label */
type Tables = (labels: string[]) => SizeTable | undefined;

function tablesOf(garment: Garment, wearer: Wearer | undefined): Tables[] {
  if (garment === 'socks') return [socks];
  if (garment === 'hat') return [hats];
  if (garment === 'belt') return [belts];
  if (garment === 'shoes') return wearer === undefined ? [shoes] : [shoesFor[wearer]];
  if (wearer === undefined) return [];
  if (wearer === 'kids') return [kidsByHeight, kidsByAge];
  const numbers = wearer === 'women' ? womensNumbers : mensNumbers;
  const byLetters = wearer === 'women' ? womensLetters : mensLetters;
  if (garment === 'bottoms') return [byLetters, waistsFor[wearer], numbers];
  // Men's shirts in numbers use collar sizes.
  if (garment === 'shirt' && wearer === 'men') return [mensLetters, collars, mensNumbers];
  return [byLetters, numbers];
}

const howToMeasure =
  'Measure over light clothing, the tape level and not tight. Between two sizes, take the larger.';

/** A table that shows the rows from the smallest to the largest of the product's sizes. */
function listed(table: SizeTable): Tables {
  const known = table.rows.map(([size]) => size!.toUpperCase());
  return (labels) => {
    const places = labels.map((label) => known.indexOf(label.toUpperCase()));
    if (places.includes(-1)) return undefined;
    return { ...table, rows: table.rows.slice(Math.min(...places), Math.max(...places) + 1) };
  };
}

/** @returns one row for each label; undefined where a label has none */
function rowOfEach(labels: string[], rowOf: (label: string) => string[] | undefined): string[][] | undefined {
  const rows = labels.map(rowOf).filter((row) => row !== undefined);
  return rows.length < labels.length ? undefined : rows;
}

const womensNumbers = listed({
  title: 'Women’s sizes',
  head: ['EU', 'UK', 'US', 'Bust', 'Waist', 'Hip'],
  rows: [
    ['32', '4', '0', '74–77', '58–61', '82–85'],
    ['34', '6', '2', '78–81', '62–64', '86–89'],
    ['36', '8', '4', '82–85', '65–68', '90–93'],
    ['38', '10', '6', '86–89', '69–72', '94–97'],
    ['40', '12', '8', '90–93', '73–77', '98–101'],
    ['42', '14', '10', '94–97', '78–82', '102–105'],
    ['44', '16', '12', '98–102', '83–87', '106–109'],
    ['46', '18', '14', '103–107', '88–93', '110–114'],
    ['48', '20', '16', '108–113', '94–99', '115–119'],
    ['50', '22', '18', '114–119', '100–106', '120–125'],
  ],
  note: howToMeasure,
});

const womensLetters = listed({
  title: 'Women’s sizes',
  head: ['Size', 'EU', 'Bust', 'Waist', 'Hip'],
  rows: [
    ['XXS', '32', '74–77', '58–61', '82–85'],
    ['XS', '34', '78–81', '62–64', '86–89'],
    ['S', '36', '82–85', '65–68', '90–93'],
    ['M', '38–40', '86–93', '69–77', '94–101'],
    ['L', '42–44', '94–102', '78–87', '102–109'],
    ['XL', '46', '103–107', '88–93', '110–114'],
    ['XXL', '48', '108–113', '94–99', '115–119'],
    ['XXXL', '50', '114–119', '100–106', '120–125'],
  ],
  note: howToMeasure,
});

const mensNumbers = listed({
  title: 'Men’s sizes',
  head: ['EU', 'UK / US', 'Chest', 'Waist'],
  rows: [
    ['44', '34', '86–89', '74–77'],
    ['46', '36', '90–93', '78–81'],
    ['48', '38', '94–97', '82–85'],
    ['50', '40', '98–101', '86–89'],
    ['52', '42', '102–105', '90–94'],
    ['54', '44', '106–109', '95–99'],
    ['56', '46', '110–113', '100–104'],
    ['58', '48', '114–117', '105–109'],
    ['60', '50', '118–121', '110–114'],
  ],
  note: howToMeasure,
});

const mensLetters = listed({
  title: 'Men’s sizes',
  head: ['Size', 'EU', 'Chest', 'Waist', 'Seat'],
  rows: [
    ['XS', '44', '86–89', '74–77', '88–91'],
    ['S', '46', '90–93', '78–81', '92–95'],
    ['M', '48–50', '94–101', '82–89', '96–103'],
    ['L', '52–54', '102–109', '90–99', '104–111'],
    ['XL', '56', '110–113', '100–104', '112–115'],
    ['XXL', '58', '114–117', '105–109', '116–119'],
    ['XXXL', '60', '118–121', '110–114', '120–123'],
  ],
  note: howToMeasure,
});

const collars = listed({
  title: 'Men’s shirts by collar',
  head: ['Collar', 'Size', 'Chest'],
  rows: [
    ['37', 'S', '90–93'],
    ['38', 'S', '90–93'],
    ['39', 'M', '94–101'],
    ['40', 'M', '94–101'],
    ['41', 'L', '102–109'],
    ['42', 'L', '102–109'],
    ['43', 'XL', '110–113'],
    ['44', 'XL', '110–113'],
    ['45', 'XXL', '114–117'],
    ['46', 'XXL', '114–117'],
  ],
  note: 'The collar is measured around the neck, with a finger’s room.',
});

/** Jeans and trousers by waist in inches; also knows `W32` and `W32 L34`. */
function waists(title: string, hipBeyondWaistCm: number): Tables {
  const inches = [...Array.from({ length: 14 }, (_, index) => 23 + index), 38, 40, 42, 44];
  const rows = inches.map((size) => {
    const waist = Math.round(size * 2.54);
    const hip = waist + hipBeyondWaistCm;
    return [String(size), `${waist}–${waist + 2}`, `${hip}–${hip + 3}`];
  });
  const table: SizeTable = {
    title,
    head: ['Waist in inches', 'Waist', 'Hip'],
    rows,
    note: 'Sizes are the waist in inches, measured where the waistband sits.',
  };
  const known = listed(table);
  return (labels) => known(labels.map((label) => /^W?(\d\d)(?:\s*L\d\d)?$/i.exec(label)?.[1] ?? label));
}

const waistsFor = {
  women: waists('Women’s waists', 24),
  men: waists('Men’s waists', 18),
};

const childHeights: [heightCm: number, age: string, chest: string, waist: string][] = [
  [50, '0–1 months', '41', '40'],
  [56, '1–2 months', '43', '42'],
  [62, '2–4 months', '45', '43'],
  [68, '4–6 months', '47', '44'],
  [74, '6–9 months', '49', '46'],
  [80, '9–12 months', '51', '48'],
  [86, '12–18 months', '52', '49'],
  [92, '18–24 months', '53', '51'],
  [98, '2–3 years', '55', '52'],
  [104, '3–4 years', '57', '53'],
  [110, '4–5 years', '59', '54'],
  [116, '5–6 years', '61', '55'],
  [122, '6–7 years', '63', '56'],
  [128, '7–8 years', '66', '58'],
  [134, '8–9 years', '69', '60'],
  [140, '9–10 years', '72', '62'],
  [146, '10–11 years', '75', '64'],
  [152, '11–12 years', '78', '66'],
  [158, '12–13 years', '81', '68'],
  [164, '13–14 years', '84', '70'],
];

const kidsByHeight = listed({
  title: 'Children’s sizes',
  head: ['Size', 'Height', 'Age', 'Chest', 'Waist'],
  rows: childHeights.map(([height, age, chest, waist]) => [
    String(height),
    `${height - 5}–${height}`,
    age,
    chest,
    waist,
  ]),
  note: 'Sizes are the height in centimetres. Ages are a guide only: children of one age differ in height.',
});

/** Sizes by age, such as `2–3 years`, `4Y`, `6–9M`. */
const kidsByAge: Tables = (labels) => {
  const rows = rowOfEach(labels, (label) => {
    const match = /^(\d{1,2})(?:–(\d{1,2}))?\s*(y|yrs?|years?|m|months?)$/i.exec(label);
    if (match === null) return undefined;
    const [, from = '', to, unit = ''] = match;
    const years = /^y/i.test(unit);
    // A single number of years means the age up to the next birthday.
    const age = `${from}–${to ?? Number(from) + 1} ${years ? 'years' : 'months'}`;
    const known = childHeights.find(([, its]) => its === age);
    return known && [label, `${known[0] - 5}–${known[0]}`, known[2], known[3]];
  });
  return (
    rows && {
      title: 'Children’s sizes by age',
      head: ['Age', 'Height', 'Chest', 'Waist'],
      rows,
      note: 'Children of one age differ in height: choose by the height.',
    }
  );
};

/** By the European size, which grows by two thirds of a centimetre. */
function footLength(europeanSize: number): string {
  return (europeanSize / 1.5 - 1.5).toFixed(1);
}

const measureFoot = 'Stand on paper, heel to the wall, and measure to the longest toe.';

function shoeTable(title: string, sizes: [eu: number, uk: string, us: string][]): Tables {
  return listed({
    title,
    head: ['EU', 'UK', 'US', 'Foot length'],
    rows: sizes.map(([eu, uk, us]) => [String(eu), uk, us, footLength(eu)]),
    note: measureFoot,
  });
}

const shoesFor: Record<Wearer, Tables> = {
  women: shoeTable('Women’s shoes', [
    [35, '2.5', '4.5'],
    [36, '3.5', '5.5'],
    [37, '4', '6'],
    [38, '5', '7'],
    [39, '6', '8'],
    [40, '6.5', '8.5'],
    [41, '7.5', '9.5'],
    [42, '8', '10'],
    [43, '9', '11'],
  ]),
  men: shoeTable('Men’s shoes', [
    [39, '5.5', '6.5'],
    [40, '6.5', '7.5'],
    [41, '7', '8'],
    [42, '8', '9'],
    [43, '9', '10'],
    [44, '9.5', '10.5'],
    [45, '10.5', '11.5'],
    [46, '11', '12'],
    [47, '12', '13'],
    [48, '13', '14'],
  ]),
  kids: shoeTable('Children’s shoes', [
    [20, '4', '5'],
    [21, '4.5', '5.5'],
    [22, '5.5', '6.5'],
    [23, '6', '7'],
    [24, '7', '8'],
    [25, '8', '9'],
    [26, '8.5', '9.5'],
    [27, '9', '10'],
    [28, '10', '11'],
    [29, '11', '12'],
    [30, '11.5', '12.5'],
    [31, '12.5', '13.5'],
    [32, '13', '1'],
    [33, '1', '2'],
    [34, '2', '3'],
    [35, '2.5', '3.5'],
  ]),
};

/** Has no British and American sizes, because those differ for women and men. */
const shoes = listed({
  title: 'Shoes',
  head: ['EU', 'Foot length'],
  rows: Array.from({ length: 14 }, (_, index) => [String(35 + index), footLength(35 + index)]),
  note: measureFoot,
});

/** Sock sizes name the shoe sizes that they fit, such as `39–42`. */
const socks: Tables = (labels) => {
  const rows = rowOfEach(labels, (label) => {
    const [, from, to] = /^(\d\d)–(\d\d)$/.exec(label) ?? [];
    if (from === undefined || to === undefined || Number(from) < 15 || Number(to) > 50) return undefined;
    return [label, `${from} to ${to}`, `${footLength(Number(from))}–${footLength(Number(to))}`];
  });
  return rows && { title: 'Socks', head: ['Size', 'EU shoe size', 'Foot length'], rows, note: measureFoot };
};

const headSizes: [string, string][] = [
  ['XS', '52–53'],
  ['S', '54–55'],
  ['M', '56–57'],
  ['L', '58–59'],
  ['XL', '60–61'],
  ['XXL', '62–63'],
  ['S/M', '54–57'],
  ['M/L', '56–59'],
  ['L/XL', '58–61'],
  ['One size', '55–60'],
  ...Array.from({ length: 14 }, (_, index): [string, string] => [String(50 + index), String(50 + index)]),
];

/** Shows only the rows of the product's sizes, because letters, centimetres and one size are different measures. */
const hats: Tables = (labels) => {
  const known = new Map(headSizes.map(([size, head]) => [size.toUpperCase(), head]));
  const rows = rowOfEach(labels, (label) => {
    const head = known.get(label.toUpperCase());
    return head === undefined ? undefined : [label, head];
  });
  return (
    rows && {
      title: 'Hats and caps',
      head: ['Size', 'Head'],
      rows,
      note: 'Measure around the head, above the ears and the eyebrows.',
    }
  );
};

const belts = listed({
  title: 'Belts',
  head: ['Size', 'Waist'],
  rows: Array.from({ length: 13 }, (_, index) => {
    const size = 65 + 5 * index;
    return [String(size), `${size - 2}–${size + 2}`];
  }),
  note: 'Sizes are the length in centimetres from the buckle to the middle hole: measure where you wear it.',
});
