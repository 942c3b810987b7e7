// Renders a list of products with its filters, a category or a search, and builds the addresses of such lists.

import { raw } from 'hono/html';
import { type Html, html } from '../../web/page/html.ts';
import type { NavigationItem } from '../../web/page/layout.ts';
import { type CategoryPlace, crumbs } from '../categories.ts';
import type { ShownColors } from '../list/list-products.ts';
import { type ListQuery, maxPage, type Sort } from '../list/list-query.ts';
import type { Facets, FacetValue, ProductList } from '../product.ts';
import { dot, productGrid } from './product-card.ts';

interface ListPage {
  /** `/search` or `/c/<slug>` */
  base: string;
  heading: string;
  path: CategoryPlace[];
  /** Categories directly below this one; where nothing was found, categories to go on to. */
  below: NavigationItem[];
  query: ListQuery;
  list: ProductList;
  shownColors: ShownColors;
  spelling?: Spelling | undefined;
}

/** "Did you mean", for a search that found nothing. */
interface Spelling {
  asked: string;
  /** The phrase whose products the list shows. */
  meant: string | undefined;
  /** Phrases that find products. */
  phrases: string[];
}

export function listPage({ base, heading, path, below, query, list, shownColors, spelling }: ListPage): Html {
  return html`${crumbs(path)}
<div class="list-head"><h1>${heading}</h1><p class="soft" data-total>${describeTotal(list)}</p></div>
${spelling === undefined ? '' : spellingNotice(spelling, query)}
${below.length === 0 ? '' : html`<ul class="below">${below.map((child) => html`<li><a class="chip" href="/c/${child.slug}">${child.name}</a></li>`)}</ul>`}
${list.items.length === 0 && !isFiltered(query) ? nothingFound(base, query) : listing(base, query, list, shownColors)}`;
}

function spellingNotice({ asked, meant, phrases }: Spelling, query: ListQuery): Html | '' {
  const link = (phrase: string) =>
    html`<a href="${listHref('/search', { ...query, q: phrase })}"><b>${phrase}</b></a>`;
  if (meant !== undefined)
    return html`<p class="notice good">Nothing found for “${asked}”. Showing results for ${link(meant)}.</p>`;
  if (phrases.length === 0) return '';
  return html`<p class="notice good">Did you mean ${phrases.map((phrase, place) => html`${place === 0 ? '' : place === phrases.length - 1 ? ' or ' : ', '}${link(phrase)}`)}?</p>`;
}

function listing(base: string, query: ListQuery, list: ProductList, shownColors: ShownColors): Html {
  return html`<div class="listing">
${facetForm(base, query, list.facets)}
<div>${chosenChips(base, query)}
<h2 class="hidden">Products</h2>
${list.items.length === 0 ? nothingFound(base, query) : productGrid(list.items, { shownColors })}
${pages(base, query, list)}</div>
</div>`;
}

function describeTotal({ facets }: ProductList): string {
  if (facets.more) return `More than ${facets.total} products`;
  return facets.total === 1 ? '1 product' : `${facets.total} products`;
}

function nothingFound(base: string, query: ListQuery): Html {
  if (isFiltered(query)) {
    const all = listHref(base, query, { sizes: [], colors: [], min: undefined, max: undefined });
    return html`<div class="empty"><p class="lead">No products match these filters.</p>
<p class="row"><a class="button" href="${all}">Clear all filters</a></p></div>`;
  }
  return html`<div class="empty"><p class="lead">No products found.</p>
${query.q === '' ? '' : html`<p>Try fewer or more general words: a kind of garment, a colour, a fabric.</p>`}
<p class="row"><a class="button" href="/search">See all products</a></p></div>`;
}

function pages(base: string, query: ListQuery, list: ProductList): Html | '' {
  const hasNext = hasNextPage(query, list);
  if (!hasNext && query.page === 1) return '';
  return html`<nav class="pages" aria-label="Pages">
${query.page > 1 ? html`<a class="button quiet" rel="prev" href="${listHref(base, query, { page: query.page - 1 })}">Previous</a>` : html`<span></span>`}
<span class="soft">Page ${query.page}</span>
${hasNext ? html`<a class="button quiet" rel="next" href="${listHref(base, query, { page: query.page + 1 })}">Next</a>` : html`<span></span>`}
</nav>`;
}

const sortNames: Record<Sort, string> = {
  relevance: 'Best match',
  newest: 'Newest',
  'price-asc': 'Price, low to high',
  'price-desc': 'Price, high to low',
};
const maxShown = 24;

/**
 * Renders a list's filters: one GET form of sizes, colours, price and order, and a chip to remove each chosen
 * filter.
 */
function facetForm(base: string, query: ListQuery, facets: Facets): Html {
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

/** Chosen values remain visible even where no product has them. */
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

function chosenChips(base: string, query: ListQuery): Html | '' {
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

/**
 * Builds list URLs: filters in the query, in one fixed order, amounts in whole units.
 * @param base `/search` or `/c/<slug>`
 */
export function listHref(base: string, query: ListQuery, changes: Partial<ListQuery> = {}): string {
  const { q, sizes, colors, min, max, sort, page } = { ...query, page: 1, ...changes };
  const params = new URLSearchParams();
  if (q !== '') params.append('q', q);
  for (const size of sizes) params.append('size', size);
  for (const color of colors) params.append('color', color);
  if (min !== undefined) params.append('min', wholeUnits(min));
  if (max !== undefined) params.append('max', wholeUnits(max));
  if (sort !== (q === '' ? 'newest' : 'relevance')) params.append('sort', sort);
  if (page > 1) params.append('page', String(page));
  const text = params.toString();
  return text === '' ? base : `${base}?${text}`;
}

export function hasNextPage(query: ListQuery, list: ProductList): boolean {
  return list.nextCursor !== null && query.page < maxPage;
}

function wholeUnits(minorUnits: number): string {
  return String(Math.floor(minorUnits / 100));
}

function isFiltered(query: ListQuery): boolean {
  return (
    query.sizes.length > 0 || query.colors.length > 0 || query.min !== undefined || query.max !== undefined
  );
}
