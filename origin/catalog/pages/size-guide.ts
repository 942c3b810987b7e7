// How sizes measure, in centimetres on the body, for whichever kind of size a product has.
import { type Html, html } from '../../web/page/html.ts';
import { fold } from './fold.ts';

interface Table {
  head: string[];
  rows: string[][];
  note: string;
}

const letters: Table = {
  head: ['Size', 'Chest', 'Waist', 'Hip'],
  rows: [
    ['XS', '82–86', '64–68', '88–92'],
    ['S', '87–91', '69–73', '93–97'],
    ['M', '92–97', '74–79', '98–103'],
    ['L', '98–104', '80–86', '104–109'],
    ['XL', '105–112', '87–94', '110–116'],
    ['XXL', '113–120', '95–103', '117–124'],
  ],
  note: 'Measure over light clothing, the tape level and not tight. Between two sizes, take the larger.',
};
const waists: Table = {
  head: ['Size', 'Waist', 'Hip', 'Inside leg'],
  rows: [
    ['28', '71–73', '89–91', '79'],
    ['30', '76–78', '94–96', '80'],
    ['32', '81–83', '99–101', '81'],
    ['34', '86–88', '104–106', '82'],
    ['36', '91–93', '109–111', '83'],
    ['38', '96–98', '114–116', '83'],
  ],
  note: 'Sizes are the waist in inches, measured where the waistband sits.',
};
const shoes: Table = {
  head: ['Size', 'Foot length'],
  rows: [
    ['36', '22.9'],
    ['37', '23.5'],
    ['38', '24.2'],
    ['39', '24.9'],
    ['40', '25.5'],
    ['41', '26.2'],
    ['42', '26.9'],
    ['43', '27.5'],
    ['44', '28.2'],
    ['45', '28.9'],
  ],
  note: 'Stand on paper, heel to the wall, and measure to the longest toe.',
};

/** @returns nothing where there is nothing to choose. */
export function sizeGuide(sizes: string[]): Html | '' {
  const table = chooseTable(sizes);
  if (table === undefined) return '';
  return fold(
    'Size guide',
    html`<table class="sizing"><caption class="hidden">Body measures in centimetres</caption>
<thead><tr>${table.head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${table.rows.map(
      ([size, ...cells]) =>
        html`<tr><th scope="row">${size}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
    )}</tbody></table>
<p class="hint">In centimetres. ${table.note}</p>`,
  );
}

function chooseTable(sizes: string[]): Table | undefined {
  if (sizes.some((size) => /^(X{0,3}S|M|X{0,3}L|small|medium|large)$/i.test(size.trim()))) return letters;
  const numbers = sizes.map(Number).filter((size) => Number.isFinite(size) && size > 0);
  if (numbers.length === 0) return undefined;
  if (numbers.some((size) => size >= 40 && size <= 48)) return shoes;
  return numbers.some((size) => size >= 24 && size <= 40) ? waists : undefined;
}
