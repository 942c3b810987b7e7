// Builds the SQL conditions of a product list: categories, filters, words.
// The list and its facets share them, so that they agree.
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { DbOrTx } from '../../schema.ts';
import { nextFlip, untilOf } from '../read-product.ts';
import { readSearchQuery } from '../search/search-query.ts';
import { catalogTag, categoryTag } from '../tags.ts';
import type { ListQuery } from './list-query.ts';

/** Ranking and counting consider at most this many products. */
export const maxCandidates = 1_000;

/** Separates size and colour in `size_colors`. No label contains it, because labels have no control characters. */
export const pairSeparator = '\u001f';

export interface ListScope {
  /** The category and all below it; undefined: any category. Empty: the category does not exist. */
  categoryIds: string[] | undefined;
  within: RawBuilder<SqlBool>;
  search: {
    /** The words in Postgres' form, such as `'linen' & 'shirt':*`, with synonyms; empty without a search. */
    words: string;
    /** The typed words in the same form, without synonyms. */
    ownWords: string;
    /** The form of `products.title_key`. */
    titleKey: string;
    newestId: number;
  };
  tags: TagVersions;
  /** When any sale begins or ends next, because that may change the list. */
  until: number | undefined;
}

export async function readScope(db: DbOrTx, { category, q }: ListQuery): Promise<ListScope> {
  const tag = category === undefined ? catalogTag : categoryTag(category);
  const search = await readSearchQuery(db, q);
  const read = (words: string) => (words === '' ? sql`''` : sql`to_tsquery('shop', ${words})::text`);
  const newestId = sql`(select max(id)::text from products where status = 'active')`;
  const { rows } = await sql<{
    version: number | null;
    ids: string[];
    words: string;
    ownWords: string;
    newestId: string | null;
    flipsAt: Date | null;
  }>`
    with recursive below as (
      select id from categories where slug = ${category ?? null}
      union all
      select c.id from categories c join below on c.parent_id = below.id
    )
    select (select version from catalog_sets where tag = ${tag}) as version,
      array(select id::text from below) as ids,
      ${read(search.wide)} as words, ${read(search.own)} as "ownWords",
      ${q === '' ? sql`null` : newestId} as "newestId", ${nextFlip} as "flipsAt"`.execute(db);
  const { version, ids, words, ownWords, newestId: newest, flipsAt } = rows[0]!;
  const found = {
    search: { words, ownWords, titleKey: search.titleKey, newestId: Number(newest) },
    tags: { [tag]: version ?? 0 },
    until: untilOf(flipsAt),
  };
  if (category === undefined) return { categoryIds: undefined, within: sql`true`, ...found };
  return { categoryIds: ids, within: sql`category_id = any(${ids}::bigint[])`, ...found };
}

export type Filter = 'size' | 'color' | 'price';

/** Conditions on a row of `products`, without category and words. A facet omits its own filter. */
export function matches(query: ListQuery, omit?: Filter): RawBuilder<SqlBool> {
  const conditions: RawBuilder<unknown>[] = [sql`status = 'active'`];
  const sizes = omit === 'size' ? [] : query.sizes;
  const colors = omit === 'color' ? [] : query.colors;
  if (sizes.length > 0 && colors.length > 0) {
    const pairs = sizes.flatMap((size) => colors.map((color) => `${size}${pairSeparator}${color}`));
    conditions.push(sql`size_colors && ${pairs}::text[]`);
  } else if (sizes.length > 0) {
    conditions.push(sql`sizes && ${sizes}::text[]`);
  } else if (colors.length > 0) {
    conditions.push(sql`colors && ${colors}::text[]`);
  }
  if (omit !== 'price' && query.min !== undefined) conditions.push(sql`price_amount >= ${query.min}`);
  if (omit !== 'price' && query.max !== undefined) conditions.push(sql`price_amount <= ${query.max}`);
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}
