// Renders a list's filters: one GET form of sizes, colours, price and order, and a chip to remove each chosen filter.
import { raw } from 'hono/html';
import { type Html, html } from '../../web/page/html.ts';
import type { ListQuery, Sort } from '../list/list-query.ts';
import type { Facets, FacetValue } from '../product.ts';
import { dot } from './dyes.ts';
import { listHref, wholeUnits } from './list-links.ts';

const sortNames: Record<Sort, string> = {
  relevance: 'Best match',
  newest: 'Newest',
  'price-asc': 'Price, low to high',
  'price-desc': 'Price, high to low',
};
const maxShown = 24;

export function facetForm(base: string, query: ListQuery, facets: Facets): Html {
  const orders = (Object.keys(sortNames) as Sort[]).filter((sort) => sort !== 'relevance' || query.q !== '');
  return html`<details class="filters"><summary>Filter and sort</summary>
<form action="${base}" data-filters>
${query.q === '' ? '' : html`<input type="hidden" name="q" value="${query.q}">`}
<div class="sort"><label class="field"><span class="label">Sort by</span><select class="input" name="sort">${orders.map(
    (sort) =>
      html`<option value="${sort}"${raw(sort === query.sort ? ' selected' : '')}>${sortNames[sort]}</option>`,
  )}</select></label>
<button class="button quiet" type="submit" data-apply>Sort</button></div>
${choices('Size', 'size', facets.sizes, query.sizes)}
${choices('Colour', 'color', facets.colors, query.colors)}
<fieldset><legend class="label">Price in euros</legend><div class="pair">
${amount('min', 'From', query.min, facets.price?.min.amount)}
${amount('max', 'To', query.max, facets.price && facets.price.max.amount + 99)}
</div></fieldset>
<button class="button" type="submit" data-apply>Apply</button>
</form></details>`;
}

/** Chosen values stay to be seen even where nothing is left of them. */
function choices(title: string, name: 'size' | 'color', values: FacetValue[], chosen: string[]): Html | '' {
  const missing = chosen.filter((value) => !values.some((known) => known.value === value));
  const shown = [
    ...missing.map((value) => ({ value, count: 0 })),
    ...values.filter((known, index) => index < maxShown || chosen.includes(known.value)),
  ];
  if (shown.length === 0) return '';
  return html`<fieldset><legend class="label">${title}</legend><div class="options">${shown.map(
    ({ value, count }, index) =>
      html`<span><input class="choice-input" type="checkbox" id="${name}-${index}" name="${name}" value="${value}"${raw(chosen.includes(value) ? ' checked' : '')}><label class="choice" for="${name}-${index}">${name === 'color' ? dot(value) : ''}${value} <span class="count">${count}</span></label></span>`,
  )}</div></fieldset>`;
}

function amount(
  name: 'min' | 'max',
  label: string,
  chosen: number | undefined,
  bound: number | null | undefined,
): Html {
  return html`<label class="field"><span class="small">${label}</span><input class="input" type="number" inputmode="numeric" min="0" step="1" name="${name}" value="${chosen === undefined ? '' : wholeUnits(chosen)}" placeholder="${bound == null ? '' : wholeUnits(bound)}"></label>`;
}

export function chosenChips(base: string, query: ListQuery): Html | '' {
  const chips = [
    ...query.sizes.map((size) => [`Size ${size}`, { sizes: query.sizes.filter((other) => other !== size) }]),
    ...query.colors.map((color) => [color, { colors: query.colors.filter((other) => other !== color) }]),
    ...(query.min === undefined ? [] : [[`From €${wholeUnits(query.min)}`, { min: undefined }]]),
    ...(query.max === undefined ? [] : [[`To €${wholeUnits(query.max)}`, { max: undefined }]]),
  ] as [string, Partial<ListQuery>][];
  if (chips.length === 0) return '';
  return html`<p class="below">${chips.map(
    ([text, changes]) =>
      html`<a class="chip" href="${listHref(base, query, changes)}" rel="nofollow">${text} <span aria-hidden="true">×</span><span class="hidden">: remove</span></a> `,
  )}</p>`;
}
