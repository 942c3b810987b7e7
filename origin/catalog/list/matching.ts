// Builds the SQL conditions of a product list: categories, filters, words. Rows and facets share them, so they cannot
// differ.
import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { DbOrTx } from '../../schema.ts';
import { nextFlip, untilOf } from '../read-product.ts';
import { readSearchQuery } from '../search/search-query.ts';
import { catalogTag, categoryTag } from '../tags.ts';
import type { ListQuery } from './list-query.ts';

/** Ranking and counting look at no more than this many products. */
export const maxCandidates = 1_000;

/** Between size and colour in `size_colors`; in no label, as labels have no control characters. */
export const pairSeparator = '\u001f';

export interface ListScope {
  /** The category and all below it; undefined: no category asked for. Empty: it does not exist. */
  categoryIds: string[] | undefined;
  within: RawBuilder<SqlBool>;
  search: {
    /**
     * The words as Postgres reads them, such as `'linen' & 'shirt':*`, with synonyms; empty where no words were asked
     * for.
     */
    words: string;
    /** Likewise, as typed. */
    ownWords: string;
    /** As in `products.title_key`. */
    titleKey: string;
    newestId: number;
  };
  tags: TagVersions;
  /** The next begin or end of any sale, as it may change what is listed where. */
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

/** Conditions on a row of `products`, without category and words; a facet leaves its own filter out. */
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
