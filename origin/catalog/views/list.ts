// Renders a list of products with its filters: a category or a search.
import { type Html, html } from '../../web/page/html.ts';
import type { NavigationItem } from '../../web/page/layout.ts';
import type { ShownColors } from '../list/list-products.ts';
import type { ListQuery } from '../list/list-query.ts';
import type { ProductList } from '../product.ts';
import { crumbs } from './crumbs.ts';
import { chosenChips, facetForm } from './facets.ts';
import { hasNextPage, isFiltered, listHref } from './list-links.ts';
import type { CategoryPlace } from './navigation.ts';
import { productGrid } from './product-card.ts';

export interface ListPage {
  /** `/search` or `/c/<slug>` */
  base: string;
  heading: string;
  path: CategoryPlace[];
  /** Categories right below this one, or to go on to where nothing was found. */
  below: NavigationItem[];
  query: ListQuery;
  list: ProductList;
  shownColors: ShownColors;
  spelling?: Spelling | undefined;
}

/** "Did you mean", for a search that found nothing. */
interface Spelling {
  asked: string;
  /** The list shows what this phrase finds. */
  meant: string | undefined;
  /** Each finds something. */
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
