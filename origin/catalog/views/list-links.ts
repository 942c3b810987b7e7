// Builds list URLs: filters in the query, in one fixed order, amounts in whole units.
import { type ListQuery, maxPage } from '../list/list-query.ts';
import type { ProductList } from '../product.ts';

/** @param base `/search` or `/c/<slug>` */
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

export function wholeUnits(minorUnits: number): string {
  return String(Math.floor(minorUnits / 100));
}

export function isFiltered(query: ListQuery): boolean {
  return (
    query.sizes.length > 0 || query.colors.length > 0 || query.min !== undefined || query.max !== undefined
  );
}
