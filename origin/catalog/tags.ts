// Names the cache tags of the catalog, and reads their present versions.
// A missing row has version 0, so that its absence can be cached and is invalidated when the row appears.
import type { TagVersions } from '../../http/cache-tag.ts';
import type { DbOrTx } from '../schema.ts';

export const catalogTag = 'catalog';

/** Names and places of the categories; product counts do not raise it. */
export const categoriesTag = 'categories';

/** Members of the feed besides products: whether each variant is in stock. A trigger marks it. */
export const feedTag = 'feed';

export function productTag(productId: string): string {
  return `product:${productId}`;
}

/** A product's address; its version is the product's. */
export function slugTag(slug: string): string {
  return `slug:${encodeURIComponent(slug)}`;
}

export function stockTag(variantId: string): string {
  return `stock:${variantId}`;
}

/** The sum of a product's stock, as lists show it. */
export function productStockTag(productId: string): string {
  return `product-stock:${productId}`;
}

export function categoryTag(slug: string): string {
  return `category:${encodeURIComponent(slug)}`;
}

/** An address holds letters, digits, dots, hyphens and underscores of any language; other texts name nothing. */
export function isSlug(text: string): boolean {
  return /^[\p{L}\p{M}\p{N}_.-]{1,200}$/u.test(text);
}

type VersionReader = (db: DbOrTx, names: string[]) => Promise<TagVersions>;

const versionReaders: Record<string, VersionReader> = {
  product: async (db, ids) => {
    const rows = await db.selectFrom('products').select(['id', 'version']).where('id', 'in', ids).execute();
    return Object.fromEntries(rows.map((row) => [productTag(row.id), row.version]));
  },
  'product-stock': async (db, ids) => {
    const rows = await db
      .selectFrom('products')
      .select(['id', 'stock_version'])
      .where('id', 'in', ids)
      .execute();
    return Object.fromEntries(rows.map((row) => [productStockTag(row.id), row.stock_version]));
  },
  stock: async (db, ids) => {
    const rows = await db
      .selectFrom('variants')
      .select(['id', 'stock_version'])
      .where('id', 'in', ids)
      .execute();
    return Object.fromEntries(rows.map((row) => [stockTag(row.id), row.stock_version]));
  },
  slug: async (db, names) => {
    const rows = await db
      .selectFrom('products')
      .select(['slug', 'version'])
      .where('slug', 'in', names.map(decodeURIComponent))
      .execute();
    return Object.fromEntries(rows.map((row) => [slugTag(row.slug), row.version]));
  },
  category: (db, names) =>
    readSetVersions(
      db,
      names.map((name) => `category:${name}`),
    ),
  catalog: (db) => readSetVersions(db, [catalogTag]),
  categories: (db) => readSetVersions(db, [categoriesTag]),
  feed: (db) => readSetVersions(db, [feedTag]),
};

const idKinds = new Set(['product', 'product-stock', 'stock']);

/** @returns the present version of each catalog tag among `tags`; other tags are left out */
export async function readCatalogTagVersions(db: DbOrTx, tags: string[]): Promise<TagVersions> {
  const byKind = new Map<string, string[]>();
  const found: TagVersions = {};
  for (const tag of tags) {
    const [kind = '', name = ''] = tag.split(/:(.*)/s);
    if (!Object.hasOwn(versionReaders, kind)) continue;
    found[tag] = 0;
    if (idKinds.has(kind) && !isId(name)) continue;
    byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  }
  for (const [kind, names] of byKind) Object.assign(found, await versionReaders[kind]!(db, names));
  return found;
}

/** @returns the version of each set; 0 for one that does not exist yet. */
export async function readSetVersions(db: DbOrTx, tags: string[]): Promise<TagVersions> {
  const found: TagVersions = Object.fromEntries(tags.map((tag) => [tag, 0]));
  const rows = await db
    .selectFrom('catalog_sets')
    .select(['tag', 'version'])
    .where('tag', 'in', tags)
    .execute();
  for (const row of rows) found[row.tag] = row.version;
  return found;
}

/** No row can have an id beyond this length, and Postgres would refuse the query. */
export function isId(text: string): boolean {
  return /^[1-9]\d{0,17}$/.test(text);
}
