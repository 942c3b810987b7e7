// Reads one page of a product list by keyset on an index in the list's order.
// Its cost therefore does not grow with the catalog.
import { type RawBuilder, sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { Fresh } from '../../cache/entry.ts';
import type { DbOrTx } from '../../schema.ts';
import { money } from '../../web/money.ts';
import { imageOrPlaceholder, type ProductList, type ProductSummary } from '../product.ts';
import { availablePieces, wasOf } from '../read-product.ts';
import { findCandidates, rankOf } from '../search/search-candidates.ts';
import { productStockTag, productTag } from '../tags.ts';
import { readFacets } from './facets.ts';
import { type ListPosition, type ListQuery, readCursor, type Sort, writeCursor } from './list-query.ts';
import { type ListScope, matches, maxCandidates, readScope } from './matching.ts';

/** By product id: the colour that the product's picture shows in a list that is filtered by colour. */
export type ShownColors = Map<string, string>;

/**
 * Lists all products, those of a category or those found by words, with facets and the next part's cursor.
 * @throws Refusal 400 `bad-cursor`
 */
export async function listProducts(
  db: DbOrTx,
  query: ListQuery,
): Promise<Fresh<ProductList> & { shownColors: ShownColors }> {
  const place = readCursor(query);
  // The set's version is read before its rows. A change between the two then marks this answer as old; the reverse
  // order would store an old answer under the new version.
  const scope = await readScope(db, query);
  const candidates = query.q === '' ? undefined : await findCandidates(db, query, scope);
  const [rows, facets] = await Promise.all([
    readPage(db, query, scope, { place, candidates }),
    readFacets(db, query, scope, candidates),
  ]);
  const shown = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? shown.at(-1) : undefined;
  return {
    value: {
      items: shown.map(toSummary),
      facets,
      nextCursor: last ? writeCursor(query, { sortKey: last.sort_key, id: last.id }) : null,
    },
    tags: { ...scope.tags, ...tagsOf(shown) },
    until: scope.until,
    shownColors: new Map(shown.flatMap(({ id, color }) => (color === null ? [] : [[id, color]]))),
  };
}

interface SummaryRow {
  id: string;
  slug: string;
  name: string;
  brand: string;
  category: string;
  version: number;
  stock_version: number;
  price_amount: number;
  was_amount: number | null;
  url: string | null;
  alt: string | null;
  /** The shown colour, of those in the filter or search. */
  color: string | null;
  available: number;
  sort_key: number;
}

async function readPage(
  db: DbOrTx,
  query: ListQuery,
  scope: ListScope,
  { place, candidates }: { place: ListPosition | undefined; candidates: string[] | undefined },
): Promise<SummaryRow[]> {
  const wanted = query.limit + 1;
  const offset = place === undefined ? (query.page - 1) * query.limit : 0;
  const source =
    candidates === undefined
      ? inOrder(query, scope, place, wanted + offset)
      : found(query, scope, place, candidates.slice(0, maxCandidates));
  const { rows } = await sql<SummaryRow>`
    with page as materialized (
      select id, sort_key from (${source}) source
      ${orderBy(query.sort)} limit ${wanted} offset ${offset}
    )
    select p.id, p.slug, p.name, p.brand, c.slug as category, p.version, p.stock_version, p.price_amount, p.was_amount,
      image.url, image.alt, chosen.color, stock.available, page.sort_key
    from page
    join products p on p.id = page.id
    join categories c on c.id = p.category_id
    left join lateral (${chosenColor(query)}) chosen on true
    left join lateral (
      select i.url, i.alt from product_images i where i.product_id = p.id
      order by (i.url = chosen.url) is true desc, i.position limit 1
    ) image on true
    left join lateral (
      select coalesce(least(sum(${availablePieces}), 2147483647), 0)::integer as available
      from variants v where v.product_id = p.id and v.archived_at is null
    ) stock on true
    ${orderBy(query.sort, sql`page.`)}`.execute(db);
  return rows;
}

/** The first colour that was chosen or searched for, in a chosen size, with its picture. */
function chosenColor({ colors, sizes, q }: ListQuery): RawBuilder<unknown> {
  if (colors.length === 0 && q === '') return sql`select null::text as color, null::text as url`;
  // "navy t-shirt" selects a colour as the colour filter would.
  const spaced = (text: RawBuilder<unknown>) =>
    sql`' ' || translate(search_normal(${text}), '-', ' ') || ' '`;
  const isAsked =
    colors.length > 0
      ? sql`v.color = any(${colors}::text[])`
      : sql`v.color <> '' and strpos(${spaced(sql`${q}`)}, ${spaced(sql`v.color`)}) > 0`;
  const fits = sizes.length === 0 ? sql`true` : sql`v.size = any(${sizes}::text[])`;
  return sql`
    select v.color, coalesce(v.image_url, (
      select other.image_url from variants other
      where other.product_id = v.product_id and other.color = v.color
        and other.image_url is not null and other.archived_at is null
      order by other.position, other.id limit 1)) as url
    from variants v
    where v.product_id = p.id and v.archived_at is null and ${isAsked} and ${fits}
    order by v.position, v.id limit 1`;
}

/**
 * Reads the first rows of each category by products_by_category(_price), or of all by products_newest or
 * products_by_price.
 */
function inOrder(
  query: ListQuery,
  scope: ListScope,
  place: ListPosition | undefined,
  rows: number,
): RawBuilder<unknown> {
  const part = (category: RawBuilder<unknown>) => sql`
    select id, ${sortKey(query.sort)} as sort_key from products
    where ${category} and ${matches(query)} and ${after(query.sort, place)}
    ${columnOrder(query.sort)} limit ${rows}`;
  if (scope.categoryIds === undefined) return part(sql`true`);
  return sql`
    select part.* from unnest(${scope.categoryIds}::bigint[]) as category (id)
    cross join lateral (${part(sql`category_id = category.id`)}) part`;
}

function found(
  query: ListQuery,
  scope: ListScope,
  place: ListPosition | undefined,
  candidates: string[],
): RawBuilder<unknown> {
  const sorted = sql`
    select id, ${sortKey(query.sort, scope.search)} as sort_key
    from products where id = any(${candidates}::bigint[])`;
  if (place === undefined) return sorted;
  const beyond = query.sort === 'price-asc' ? sql`>` : sql`<`;
  return sql`
    select id, sort_key from (${sorted}) sorted
    where (sort_key, id) ${beyond} (${place.sortKey}::integer, ${place.id}::bigint)`;
}

/** The key is a whole number, so that a cursor holds it exactly. */
function sortKey(sort: Sort, search?: ListScope['search']): RawBuilder<unknown> {
  if (sort === 'newest') return sql`0`;
  if (sort === 'relevance' && search !== undefined) return rankOf(search);
  return sql`price_amount`;
}

function after(sort: Sort, place: ListPosition | undefined): RawBuilder<unknown> {
  if (place === undefined) return sql`true`;
  if (sort === 'price-asc') return sql`(price_amount, id) > (${place.sortKey}::integer, ${place.id}::bigint)`;
  if (sort === 'price-desc')
    return sql`(price_amount, id) < (${place.sortKey}::integer, ${place.id}::bigint)`;
  return sql`id < ${place.id}::bigint`;
}

function columnOrder(sort: Sort): RawBuilder<unknown> {
  if (sort === 'price-asc') return sql`order by price_amount, id`;
  if (sort === 'price-desc') return sql`order by price_amount desc, id desc`;
  return sql`order by id desc`;
}

function orderBy(sort: Sort, from = sql``): RawBuilder<unknown> {
  if (sort === 'price-asc') return sql`order by ${from}sort_key, ${from}id`;
  return sql`order by ${from}sort_key desc, ${from}id desc`;
}

function toSummary(row: SummaryRow): ProductSummary {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    brand: row.brand,
    category: row.category,
    version: row.version,
    price: money(row.price_amount),
    ...wasOf(row),
    image: imageOrPlaceholder(
      row.url === null ? undefined : { url: row.url, alt: row.alt || row.name },
      row.name,
    ),
    available: row.available,
  };
}

function tagsOf(rows: SummaryRow[]): TagVersions {
  const tags: TagVersions = {};
  for (const row of rows) {
    tags[productTag(row.id)] = row.version;
    tags[productStockTag(row.id)] = row.stock_version;
  }
  return tags;
}
