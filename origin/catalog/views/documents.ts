// Builds the catalog's pages as whole documents, each with the tags of everything that it shows.

import type { TagVersions } from '../../../http/cache-tag.ts';
import type { Fresh } from '../../cache/entry.ts';
import { notFound } from '../../errors.ts';
import type { DbOrTx } from '../../schema.ts';
import type { Html } from '../../web/page/html.ts';
import { type LayoutOptions, layout } from '../../web/page/layout.ts';
import { errorDocument } from '../../web/page/page-response.ts';
import { siteTags } from '../../web/shared/release.ts';
import type { SharedBody } from '../../web/shared/shared-response.ts';
import { type CategoryPlace, departments, listCategories, pathTo, readCategoryTree } from '../categories.ts';
import { listProducts } from '../list/list-products.ts';
import { type ListQuery, parseListQuery } from '../list/list-query.ts';
import type { CategoryNode, ProductList } from '../product.ts';
import { readProduct } from '../read-product.ts';
import { type Suggestions, suggestSpelling } from '../search/suggest-spelling.ts';
import { isSlug } from '../tags.ts';
import { hasNextPage, listHref, listPage } from './list.ts';
import { absolute, productJsonLd, productPage, type ShownDelivery } from './product.ts';
import { homePage, picturesIn, productHref, shownColor } from './product-card.ts';

/** Describes the delivery, with the tags that are raised when the description changes. */
export type DescribeDelivery = (db: DbOrTx) => Promise<Fresh<ShownDelivery | undefined>>;

interface Site {
  /** Without a slash at the end. */
  url: string;
  paymentProviders: string[];
  describeDelivery: DescribeDelivery;
}
type Document = Promise<Fresh<SharedBody>>;

const newestShown = 10;

export async function homeDocument(db: DbOrTx, site: Site): Document {
  const newest = { ...parseListQuery(new URLSearchParams(), 'page'), limit: newestShown };
  const tree = await readCategoryTree(db);
  const categories = await listCategories(db);
  const list = await listProducts(db, newest);
  const page = layout(
    {
      title: 'Good clothes, kept',
      description: 'Clothes made to be kept. Buy without an account.',
      navigation: departments(tree.value),
      canonicalUrl: `${site.url}/`,
      imageUrl: list.value.items[0] && absolute(list.value.items[0].image.url, site.url),
    },
    homePage({ categories: categories.value.filter(isFilled), newest: list.value.items }),
  );
  return document(page, { tags: { ...tree.tags, ...categories.tags, ...list.tags }, until: list.until });
}

/** A category without products on sale is not linked. */
function isFilled({ productCount }: CategoryNode): boolean {
  return productCount > 0;
}

/** @param color one of the product's colours; the page differs only in the chosen colour */
export async function productDocument(db: DbOrTx, site: Site, slug: string, color?: string): Document {
  const tree = await readCategoryTree(db);
  const { value: product, tags, until } = await readProduct(db, slug);
  if (product === undefined) return movedProduct(db, slug, tree, tags);
  const path = pathTo(tree.value, product.category);
  const delivery = await site.describeDelivery(db);
  const [picture] = picturesIn(product, shownColor(product, { color }));
  const options: LayoutOptions = {
    title: `${product.name}, ${product.brand}`,
    description: product.description.replace(/\s+/g, ' ').slice(0, 200),
    navigation: departments(tree.value),
    department: path[0]?.slug,
    canonicalUrl: `${site.url}${productHref(product.slug)}`,
    imageUrl: picture && absolute(picture.url, site.url),
    openGraphType: 'product',
    jsonLd: productJsonLd(product, site.url),
  };
  return document(
    layout(
      options,
      productPage({
        product,
        path,
        paymentProviders: site.paymentProviders,
        color,
        delivery: delivery.value,
      }),
    ),
    { tags: { ...tree.tags, ...tags, ...delivery.tags }, until },
  );
}

/** Redirects another spelling of a product's address to the product; other addresses answer 404. */
async function movedProduct(
  db: DbOrTx,
  slug: string,
  tree: Fresh<CategoryPlace[]>,
  tags: TagVersions,
): Document {
  const seen = { ...tags };
  for (const spelling of otherSpellings(slug)) {
    const { value: product, tags } = await readProduct(db, spelling);
    Object.assign(seen, tags);
    if (product !== undefined) return moved(`/p/${encodeURIComponent(product.slug)}`, seen);
  }
  return missing('This product', tree, seen);
}

export async function categoryDocument(
  db: DbOrTx,
  site: Site,
  query: ListQuery & { category: string },
): Document {
  const tree = await readCategoryTree(db);
  const path = isSlug(query.category) ? pathTo(tree.value, query.category) : [];
  const here = path.at(-1);
  if (here === undefined) {
    const meant = tree.value.find(({ slug }) => plainSpelling(slug) === plainSpelling(query.category));
    if (meant === undefined) return missing('This category', tree);
    return moved(`/c/${encodeURIComponent(meant.slug)}`, tree.tags);
  }
  const list = await listProducts(db, query);
  const base = `/c/${here.slug}`;
  const options: LayoutOptions = {
    title: nameOfPart(here.name, query),
    description: `${nameOfPart(here.name, query)} at MyClothes: sizes, colours and prices at a glance.`,
    navigation: departments(tree.value),
    department: path[0]?.slug,
    ...placeInList(site, base, query, list.value),
  };
  const below = tree.value.filter((place) => place.parent === here.slug);
  const content = listPage({
    base,
    heading: here.name,
    path,
    below,
    query,
    list: list.value,
    shownColors: list.shownColors,
  });
  return document(layout(options, content), { tags: { ...tree.tags, ...list.tags }, until: list.until });
}

export async function searchDocument(db: DbOrTx, site: Site, query: ListQuery): Document {
  const tree = await readCategoryTree(db);
  const asked = query.q !== '';
  const found = await listProducts(db, query);
  const spelling = asked && found.value.items.length === 0 ? await suggestSpelling(db, query) : noSuggestions;
  const meant = spelling.value.clear ? spelling.value.phrases[0] : undefined;
  const list = meant === undefined ? found : await listProducts(db, { ...query, q: meant });
  const heading = asked ? `Results for “${query.q}”` : 'All products';
  const options: LayoutOptions = {
    title: nameOfPart(heading, query),
    description: `${nameOfPart(heading, query)} at MyClothes: sizes, colours and prices at a glance.`,
    navigation: departments(tree.value),
    ...placeInList(site, '/search', query, list.value),
    q: query.q,
  };
  const content = listPage({
    base: '/search',
    heading,
    path: [],
    below: list.value.items.length === 0 ? departments(tree.value) : [],
    query: meant === undefined ? query : { ...query, q: meant },
    list: list.value,
    shownColors: list.shownColors,
    spelling: { asked: query.q, meant, phrases: spelling.value.phrases },
  });
  return document(layout(options, content), {
    tags: { ...tree.tags, ...list.tags, ...found.tags, ...spelling.tags },
    until: found.until,
  });
}

const noSuggestions: Fresh<Suggestions> = { value: { phrases: [], clear: false }, tags: {} };

/** Each page of a list has its own title. */
function nameOfPart(name: string, { page }: ListQuery): string {
  return page === 1 ? name : `${name}, page ${page}`;
}

/**
 * Links to the list's other pages. Search engines are offered only non-empty lists without filters, in the usual
 * order.
 */
function placeInList(
  site: Site,
  base: string,
  query: ListQuery,
  list: ProductList,
): Pick<LayoutOptions, 'canonicalUrl' | 'unlisted' | 'previousUrl' | 'nextUrl'> {
  const { page } = query;
  const isPlain = listHref(base, query) === base;
  const urlOf = (page: number) => `${site.url}${listHref(base, query, { page })}`;
  return {
    canonicalUrl: isPlain ? urlOf(page) : undefined,
    unlisted: !isPlain || list.items.length === 0,
    previousUrl: page > 1 ? urlOf(page - 1) : undefined,
    nextUrl: hasNextPage(query, list) ? urlOf(page + 1) : undefined,
  };
}

/** The catalog writes addresses in lower case and composed letters (NFC). */
function plainSpelling(slug: string): string {
  return slug.normalize('NFC').toLowerCase();
}

/** Other Unicode forms of the same letters, the usual one first. */
function otherSpellings(slug: string): string[] {
  const plain = plainSpelling(slug);
  return [...new Set([plain, plain.normalize('NFD'), slug.normalize('NFC')])].filter((it) => it !== slug);
}

/** An absence is cached as well, until the thing appears. */
function missing(what: string, tree: Fresh<CategoryPlace[]>, tags: TagVersions = {}): Fresh<SharedBody> {
  const page = errorDocument(notFound(what), departments(tree.value));
  return document(page, { tags: { ...tree.tags, ...tags } }, 404);
}

function moved(location: string, tags: TagVersions): Fresh<SharedBody> {
  const value = { status: 301 as const, contentType: 'text/plain; charset=utf-8', body: '', location };
  return { value, tags: { ...siteTags, ...tags } };
}

function document(
  page: Html,
  { tags, until }: Omit<Fresh<unknown>, 'value'>,
  status: 200 | 404 = 200,
): Fresh<SharedBody> {
  return {
    value: { status, contentType: 'text/html; charset=utf-8', body: String(page) },
    tags: { ...siteTags, ...tags },
    until,
  };
}
