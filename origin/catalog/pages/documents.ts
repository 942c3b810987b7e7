// The catalog's pages as whole documents, each with the tags of everything it was made from.
import type { Fresh } from '../../cache/entry.ts';
import { notFound } from '../../errors.ts';
import type { DbOrTx } from '../../postgres/database.ts';
import { errorDocument } from '../../web/page/error-page.ts';
import type { Html } from '../../web/page/html.ts';
import { type LayoutOptions, layout } from '../../web/page/layout.ts';
import type { SharedBody } from '../../web/shared/shared-response.ts';
import { siteTags } from '../../web/shared/site-tag.ts';
import { listProducts } from '../list/list-products.ts';
import { type ListQuery, parseListQuery } from '../list/list-query.ts';
import { listCategories } from '../list-categories.ts';
import type { CategoryNode } from '../product.ts';
import { readProduct } from '../read-product.ts';
import { suggestSpelling } from '../search/search-words.ts';
import { isSlug } from '../tags.ts';
import { homePage } from './home.ts';
import { absolute, productJsonLd } from './json-ld.ts';
import { listPage } from './list.ts';
import { isFiltered } from './list-links.ts';
import { departments, pathTo, readCategoryTree } from './navigation.ts';
import { productPage } from './product.ts';

interface Site {
  /** Without a slash at the end. */
  url: string;
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
      description: 'Clothes to keep, from a bag that never forgets. Buy without an account.',
      navigation: departments(tree.value),
      canonicalUrl: `${site.url}/`,
      imageUrl: list.value.items[0] && absolute(list.value.items[0].image.url, site.url),
    },
    homePage({ categories: categories.value.filter(isFilled), newest: list.value.items }),
  );
  return document(page, { ...tree.tags, ...categories.tags, ...list.tags });
}

/** A category that nothing on sale is in any more leads nowhere. */
function isFilled({ productCount }: CategoryNode): boolean {
  return productCount > 0;
}

export async function productDocument(db: DbOrTx, site: Site, slug: string): Document {
  const tree = await readCategoryTree(db);
  const { value: product, tags } = await readProduct(db, slug);
  if (product === undefined) return missing('This product', tree.tags, tags);
  const path = pathTo(tree.value, product.category);
  const options: LayoutOptions = {
    title: `${product.name}, ${product.brand}`,
    description: product.description.replace(/\s+/g, ' ').slice(0, 200),
    navigation: departments(tree.value),
    department: path[0]?.slug,
    canonicalUrl: `${site.url}/p/${product.slug}`,
    imageUrl: product.images[0] && absolute(product.images[0].url, site.url),
    openGraphType: 'product',
    jsonLd: productJsonLd(product, site.url),
  };
  return document(layout(options, productPage({ product, path })), { ...tree.tags, ...tags });
}

export async function categoryDocument(
  db: DbOrTx,
  site: Site,
  query: ListQuery & { category: string },
): Document {
  const tree = await readCategoryTree(db);
  const path = isSlug(query.category) ? pathTo(tree.value, query.category) : [];
  const here = path.at(-1);
  if (here === undefined) return missing('This category', tree.tags);
  const list = await listProducts(db, query);
  const base = `/c/${here.slug}`;
  const options: LayoutOptions = {
    title: here.name,
    description: `${here.name} at MyClothes: sizes, colours and prices at a glance.`,
    navigation: departments(tree.value),
    department: path[0]?.slug,
    canonicalUrl: `${site.url}${base}`,
    unlisted: isFiltered(query),
  };
  const below = tree.value.filter((place) => place.parent === here.slug);
  const content = listPage({ base, heading: here.name, path, below, query, list: list.value });
  return document(layout(options, content), { ...tree.tags, ...list.tags });
}

export async function searchDocument(db: DbOrTx, site: Site, query: ListQuery): Document {
  const tree = await readCategoryTree(db);
  const list = await listProducts(db, query);
  const asked = query.q !== '';
  const spelling = asked && list.value.items.length === 0 ? await suggestSpelling(db, query.q) : undefined;
  const heading = asked ? `“${query.q}”` : 'Everything';
  const options: LayoutOptions = {
    title: asked ? `${heading}, search` : heading,
    navigation: departments(tree.value),
    canonicalUrl: asked ? undefined : `${site.url}/search`,
    unlisted: asked || isFiltered(query),
    q: query.q,
  };
  const content = listPage({
    base: '/search',
    heading,
    path: [],
    below: list.value.items.length === 0 ? departments(tree.value) : [],
    query,
    list: list.value,
    suggestion: spelling?.value,
  });
  return document(layout(options, content), { ...tree.tags, ...list.tags, ...spelling?.tags });
}

/** Absence is kept as well, until the thing appears. */
function missing(what: string, ...tags: Record<string, number>[]): Fresh<SharedBody> {
  return document(errorDocument(notFound(what)), Object.assign({}, ...tags), 404);
}

function document(page: Html, tags: Record<string, number>, status: 200 | 404 = 200): Fresh<SharedBody> {
  return {
    value: { status, contentType: 'text/html; charset=utf-8', body: String(page) },
    tags: { ...siteTags, ...tags },
  };
}
