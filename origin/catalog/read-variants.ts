// Reads the variants of carts and orders through the cache.
// While Postgres is unreachable, the newest stored entry is used.
import { sql } from 'kysely';
import type { Fresh } from '../cache/entry.ts';
import type { Deps } from '../deps.ts';
import { Refusal, unavailable } from '../errors.ts';
import type { DbOrTx } from '../schema.ts';
import { type Money, money } from '../web/money.ts';
import { imageOrPlaceholder } from './product.ts';
import { orderablePieces, untilOf } from './read-product.ts';
import { isId, productTag, stockTag } from './tags.ts';

export interface VariantInfo {
  variantId: string;
  productId: string;
  productSlug: string;
  productName: string;
  brand: string;
  size: string;
  color: string;
  sku: string;
  price: Money;
  /** Whole pieces that can be ordered. */
  available: number;
  /** Slugs of its category and of those above it. */
  categories: string[];
  isForChildren: boolean;
  /** The picture of its colour, where the product has one. */
  imageUrl: string;
  imageAlt: string;
}

/**
 * @returns the variants that exist and are on sale; an absent id names no such variant
 * @throws Refusal 503 where neither the caches nor Postgres know one of them
 */
export async function readVariants(
  deps: Pick<Deps, 'cache'>,
  ids: Iterable<string>,
): Promise<Map<string, VariantInfo>> {
  const distinct = [...new Set(ids)].filter(isId);
  const recalled = await deps.cache.recallAll<VariantInfo | null>(distinct.map(variantKey));
  const fill = gatherFills();
  const found = new Map<string, VariantInfo>();
  const find = (info: VariantInfo | null) => info && found.set(info.variantId, info);
  const others: string[] = [];
  for (const id of distinct) {
    const info = recalled.get(variantKey(id));
    if (info === undefined) others.push(id);
    else find(info);
  }
  await Promise.all(others.map(async (id) => find(await readVariant(deps, id, fill))));
  return found;
}

/** The number changes with the members of an entry, so that the previous release does not read new entries. */
function variantKey(id: string): string {
  return `variant:3:${id}`;
}

/** Reads from Postgres without the cache, inside the transaction that depends on the result. */
export async function readVariantsFresh(
  db: DbOrTx,
  ids: Iterable<string>,
): Promise<Map<string, VariantInfo>> {
  const rows = await queryVariants(db, [...new Set(ids)].filter(isId));
  const onSale = [...rows.values()].map((fresh) => fresh.value).filter((info) => info !== null);
  return new Map(onSale.map((info) => [info.variantId, info]));
}

type Fill = (db: DbOrTx, id: string) => Promise<Fresh<VariantInfo | null>>;

async function readVariant(deps: Pick<Deps, 'cache'>, id: string, fill: Fill): Promise<VariantInfo | null> {
  const key = variantKey(id);
  try {
    const result = await deps.cache.read<VariantInfo | null>({ key, fill: (db) => fill(db, id) });
    return result.value;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    const stale = await deps.cache.readStale<VariantInfo | null>(key);
    if (stale?.value) return stale.value;
    throw unavailable('The catalog cannot be read just now', error);
  }
}

/** Gathers variants that are missing at the same moment into one statement. */
function gatherFills(): Fill {
  const waiting = new Map<DbOrTx, { ids: string[]; rows: Promise<Map<string, Fresh<VariantInfo | null>>> }>();
  return async (db, id) => {
    let batch = waiting.get(db);
    if (batch === undefined) {
      const ids: string[] = [];
      const rows = new Promise((resolve) => setImmediate(resolve)).then(() => {
        waiting.delete(db);
        return queryVariants(db, ids);
      });
      batch = { ids, rows };
      waiting.set(db, batch);
    }
    batch.ids.push(id);
    const rows = await batch.rows;
    return rows.get(id) ?? { value: null, tags: { [stockTag(id)]: 0 } };
  };
}

interface VariantRow {
  id: string;
  product_id: string;
  slug: string;
  name: string;
  brand: string;
  size: string;
  color: string;
  sku: string;
  price_amount: number;
  available: number;
  stock_version: number;
  version: number;
  status: string;
  product_type: string;
  tags: string[];
  categories: string[];
  archived_at: Date | null;
  flips_at: Date | null;
  url: string | null;
  alt: string | null;
}

async function queryVariants(db: DbOrTx, ids: string[]): Promise<Map<string, Fresh<VariantInfo | null>>> {
  const { rows } = await sql<VariantRow>`
    select v.id, v.product_id, p.slug, p.name, p.brand, v.size, v.color, v.sku, v.price_amount,
      ${orderablePieces} as available, v.stock_version, p.version, p.status, p.product_type, p.tags, place.categories,
      v.archived_at, p.flips_at, image.url, image.alt
    from variants v
    join products p on p.id = v.product_id
    left join lateral (
      select coalesce(v.image_url, (
        select other.image_url from variants other
        where other.product_id = v.product_id and other.color = v.color and v.color <> ''
          and other.image_url is not null and other.archived_at is null
        order by other.position, other.id limit 1)) as url
    ) own on true
    left join lateral (
      select url, alt from product_images where product_id = p.id
      order by (url = own.url) is true desc, position limit 1
    ) image on true
    left join lateral (
      with recursive above as (
        select slug, parent_id from categories where id = p.category_id
        union all
        select c.slug, c.parent_id from categories c join above on c.id = above.parent_id
      )
      select array_agg(slug) as categories from above
    ) place on true
    where v.id = any(${ids}::bigint[])`.execute(db);
  return new Map(
    rows.map((row) => [
      row.id,
      {
        value: row.status === 'active' && row.archived_at === null ? toInfo(row) : null,
        tags: { [productTag(row.product_id)]: row.version, [stockTag(row.id)]: row.stock_version },
        until: untilOf(row.flips_at),
      },
    ]),
  );
}

const childrensWords = new Set(
  'kid kids child children childrens baby babies toddler toddlers infant infants newborn boys girls'.split(
    ' ',
  ),
);

/** Decides by the words of categories, type and tags. Some countries tax children's goods otherwise. */
function isForChildren({ categories, product_type, tags }: VariantRow): boolean {
  const words = [...categories, product_type, ...tags].join(' ').toLowerCase().replaceAll(/[’']/g, '');
  return words.split(/[^a-z]+/).some((word) => childrensWords.has(word));
}

function toInfo(row: VariantRow): VariantInfo {
  const image = imageOrPlaceholder(
    row.url === null ? undefined : { url: row.url, alt: row.alt || row.name },
    row.name,
  );
  return {
    variantId: row.id,
    productId: row.product_id,
    productSlug: row.slug,
    productName: row.name,
    brand: row.brand,
    size: row.size,
    color: row.color,
    sku: row.sku,
    price: money(row.price_amount),
    categories: row.categories,
    isForChildren: isForChildren(row),
    available: row.available,
    imageUrl: image.url,
    imageAlt: image.alt,
  };
}
