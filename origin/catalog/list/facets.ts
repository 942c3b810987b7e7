// Counts the products that each further filter value would list, among at most a thousand products.
// Sizes come in their own order.
import { type RawBuilder, sql } from 'kysely';
import type { DbOrTx } from '../../schema.ts';
import { money } from '../../web/money.ts';
import type { Facets, FacetValue } from '../product.ts';
import { findCandidates } from '../search/search-candidates.ts';
import type { ListQuery } from './list-query.ts';
import { type Filter, type ListScope, matches, maxCandidates, pairSeparator } from './matching.ts';

const maxValues = 60;

/**
 * Counts each facet with all the other filters applied, so that a shopper can choose a second value of it.
 * @param candidates of a search with all its filters
 */
export async function readFacets(
  db: DbOrTx,
  query: ListQuery,
  scope: ListScope,
  candidates: string[] | undefined,
): Promise<Facets> {
  const own: Record<Filter, boolean> = {
    size: query.sizes.length > 0,
    color: query.colors.length > 0,
    price: query.min !== undefined || query.max !== undefined,
  };
  const filters: Filter[] = ['size', 'color', 'price'];
  const together = filters.filter((filter) => !own[filter]);
  const apart = filters.filter((filter) => own[filter]);
  const counted = await Promise.all([
    count(db, query, candidates ? among(candidates) : inOrder(query, scope), [
      totals,
      categories,
      ...together.map((filter) => counters[filter]),
    ]),
    ...apart.map(async (filter) =>
      count(
        db,
        query,
        candidates ? among(await findCandidates(db, query, scope, filter)) : inOrder(query, scope, filter),
        [counters[filter]],
      ),
    ),
  ]);
  return toFacets(counted.flat());
}

interface CountRow {
  facet: 'total' | 'category' | 'size' | 'color' | 'min' | 'max';
  value: string;
  count: number;
}

type Counter = (query: ListQuery) => RawBuilder<unknown>;

const columns = sql`id, category_id, price_amount, sizes, colors, size_colors`;

const among = (ids: string[]) => sql`select ${columns} from products where id = any(${ids}::bigint[])`;

/** The limit is one more than the bound, to show whether there are more products. */
const inOrder = (query: ListQuery, scope: ListScope, omit?: Filter) => sql`
  select ${columns} from products
  where ${scope.within} and ${matches(query, omit)} order by id desc limit ${maxCandidates + 1}`;

async function count(
  db: DbOrTx,
  query: ListQuery,
  candidates: RawBuilder<unknown>,
  facets: Counter[],
): Promise<CountRow[]> {
  const { rows } = await sql<CountRow>`
    with candidate as materialized (${candidates})
    select '' as facet, '' as value, 0 as count where false union all
    ${sql.join(
      facets.map((facet) => facet(query)),
      sql` union all `,
    )}`.execute(db);
  return rows;
}

const totals: Counter = () => sql`select 'total', '', count(*)::integer from candidate`;

const categories: Counter = () => sql`
  select 'category', c.slug, count(*)::integer
  from candidate join categories c on c.id = candidate.category_id group by c.slug`;

const counters: Record<Filter, Counter> = {
  size: (query) =>
    query.colors.length === 0
      ? sql`select 'size', value, count(*)::integer from candidate, unnest(sizes) value group by value`
      : sql`
        select 'size', split_part(pair, ${pairSeparator}, 1), count(distinct id)::integer
        from candidate, unnest(size_colors) pair
        where split_part(pair, ${pairSeparator}, 2) = any(${query.colors}::text[]) group by 2`,
  color: (query) =>
    query.sizes.length === 0
      ? sql`select 'color', value, count(*)::integer from candidate, unnest(colors) value group by value`
      : sql`
        select 'color', split_part(pair, ${pairSeparator}, 2), count(distinct id)::integer
        from candidate, unnest(size_colors) pair
        where split_part(pair, ${pairSeparator}, 1) = any(${query.sizes}::text[]) group by 2`,
  price: () => sql`
    select 'min', '', min(price_amount) from candidate having count(*) > 0
    union all select 'max', '', max(price_amount) from candidate having count(*) > 0`,
};

function toFacets(rows: CountRow[]): Facets {
  const numberOf = (facet: CountRow['facet']) => rows.find((row) => row.facet === facet)?.count;
  const valuesOf = (facet: CountRow['facet']): FacetValue[] =>
    rows
      .filter((row) => row.facet === facet && row.value !== '')
      .map((row) => ({ value: row.value, count: Math.min(row.count, maxCandidates) }))
      .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
      .slice(0, maxValues);
  const total = numberOf('total') ?? 0;
  const min = numberOf('min');
  const max = numberOf('max');
  return {
    total: Math.min(total, maxCandidates),
    more: total > maxCandidates,
    sizes: valuesOf('size').sort((a, b) => compareSizes(a.value, b.value)),
    colors: valuesOf('color'),
    categories: valuesOf('category'),
    price: min === undefined || max === undefined ? null : { min: money(min), max: money(max) },
  };
}

const letters = ['XXXS', 'XXS', 'XS', 'S', 'M', 'L', 'XL', 'XXL', 'XXXL', '2XL', '3XL', '4XL', '5XL'];
const words = ['EXTRA SMALL', 'SMALL', 'MEDIUM', 'LARGE', 'EXTRA LARGE'];
const wordStart = letters.indexOf('XS');

/** Sorts sizes: letters from small to large, then numbers, then the rest by name. */
function compareSizes(a: string, b: string): number {
  const [rankA, numberA] = rank(a);
  const [rankB, numberB] = rank(b);
  return rankA - rankB || numberA - numberB || (a < b ? -1 : a > b ? 1 : 0);
}

function rank(size: string): [number, number] {
  const upper = size.toUpperCase().trim();
  const first = upper.split(/[\s/]/)[0] ?? '';
  const word = words.indexOf(upper);
  if (word >= 0) return [0, wordStart + word];
  const letter = letters.indexOf(first);
  if (letter >= 0) return [0, letter];
  const number = Number.parseFloat(upper.replace(/^\D+/, ''));
  return Number.isNaN(number) ? [2, 0] : [1, number];
}
