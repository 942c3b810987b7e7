// Parses the query of a product list for API and pages.
// It normalises the query, so that equal queries share one cache key.

import { createHash } from 'node:crypto';
import { Refusal } from '../../errors.ts';
import { decodeCursor } from '../../web/api/api.ts';
import { toPlainWords } from '../../web/api/plain-text.ts';
import { isId, isSlug } from '../tags.ts';

export const sorts = ['relevance', 'newest', 'price-asc', 'price-desc'] as const;
export type Sort = (typeof sorts)[number];

export interface ListQuery {
  /** Words to search for; empty: no search. */
  q: string;
  category: string | undefined;
  sizes: string[];
  colors: string[];
  /** Minor units. */
  min: number | undefined;
  /** Minor units. */
  max: number | undefined;
  /** `relevance` is possible only where `q` is not empty. */
  sort: Sort;
  limit: number;
  /** Counts from 1 to `maxPage`. Pages use this offset; programs use the cursor. */
  page: number;
  cursor: string | undefined;
}

export const defaultLimit = 24;
export const maxLimit = 100;
/** The highest page number. Later products are reached by cursor. */
export const maxPage = 40;
export const maxChosenValues = 20;
const maxAmount = 2_147_483_647;

/** `api`: amounts in minor units, faults are refused. `page`: amounts in whole units, invalid values are ignored. */
type QueryDialect = 'api' | 'page';

/** @throws Refusal 400 `bad-request` in the `api` dialect, naming the parameter. */
export function parseListQuery(params: URLSearchParams, dialect: QueryDialect): ListQuery {
  const refuse = (field: string, message: string): undefined => {
    if (dialect === 'page') return undefined;
    throw new Refusal(400, 'bad-request', `${field}: ${message}`, {
      details: { faults: [{ parameter: field, field, message }] },
    });
  };
  const q = normaliseWords(params.get('q') ?? '');
  if (q.length > 200) refuse('q', 'must have at most 200 characters');
  const category = params.get('category') || undefined;
  if (category !== undefined && !isSlug(category)) refuse('category', 'must be a slug');
  const asked = params.get('sort') || undefined;
  const known = sorts.find((sort) => sort === asked);
  if (asked !== undefined && known === undefined) refuse('sort', `must be one of ${sorts.join(', ')}`);
  const fallback: Sort = q === '' ? 'newest' : 'relevance';
  return {
    q: q.slice(0, 200).toWellFormed(),
    category: category !== undefined && isSlug(category) ? category : undefined,
    sizes: readValues(params, 'size', refuse),
    colors: readValues(params, 'color', refuse),
    min: readAmount(params, 'min', dialect, refuse),
    max: readAmount(params, 'max', dialect, refuse),
    sort: known === undefined || (known === 'relevance' && q === '') ? fallback : known,
    limit: readWhole(params, 'limit', maxLimit, refuse) ?? defaultLimit,
    page: (dialect === 'page' ? readWhole(params, 'page', maxPage, refuse) : undefined) ?? 1,
    cursor: params.get('cursor') || undefined,
  };
}

/** A key of the whole list, without its parts. Each cursor belongs to one such list. */
function filterKey(query: ListQuery): string {
  return JSON.stringify([
    query.q,
    query.category ?? '',
    query.sizes,
    query.colors,
    query.min ?? '',
    query.max ?? '',
    query.sort,
  ]);
}

/** A key of this part of the list, for caches. */
export function listKey(query: ListQuery): string {
  return JSON.stringify([filterKey(query), query.limit, query.page, query.cursor ?? '']);
}

type Refuse = (field: string, message: string) => undefined;

/** Normalises case and spaces. Postgres takes neither control characters nor lone surrogates. */
function normaliseWords(text: string): string {
  return toPlainWords(text).normalize('NFC').toLowerCase().replace(/\s+/g, ' ');
}

/** Sorts values and removes repetitions. Refuses control characters and lone surrogates, which Postgres cannot take. */
function readValues(params: URLSearchParams, field: string, refuse: Refuse): string[] {
  const given = params.getAll(field).filter((value) => value !== '');
  const values = [...new Set(given)].filter((value) => /^[^\p{Cc}\p{Cs}]{1,800}$/u.test(value));
  if (given.some((value) => !values.includes(value))) refuse(field, 'must be a label of 1 to 800 characters');
  if (values.length > maxChosenValues) refuse(field, `must be given at most ${maxChosenValues} times`);
  return values.sort().slice(0, maxChosenValues);
}

function readAmount(
  params: URLSearchParams,
  field: string,
  dialect: QueryDialect,
  refuse: Refuse,
): number | undefined {
  const text = params.get(field)?.trim() || undefined;
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) return refuse(field, 'must be a whole number, at least 0');
  return Math.min(Number(text) * (dialect === 'page' ? 100 : 1), maxAmount);
}

function readWhole(params: URLSearchParams, field: string, max: number, refuse: Refuse): number | undefined {
  const text = params.get(field)?.trim() || undefined;
  if (text === undefined) return undefined;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) return refuse(field, `must be a whole number, 1 to ${max}`);
  return value;
}

/** A place in a list: sort key and id of the last row. A cursor encodes it and is bound to one filter and sort. */
export interface ListPosition {
  /** The first sort column: minor units, or the rank of a search; 0 where the list is sorted by id alone. */
  sortKey: number;
  id: string;
}

export function writeCursor(query: ListQuery, place: ListPosition): string {
  return Buffer.from(`${listMark(query)}.${place.sortKey}.${place.id}`).toString('base64url');
}

/**
 * @returns undefined where the query has no cursor.
 * @throws Refusal 400 `bad-cursor` where it was not made by `writeCursor` for the same filter and sort.
 */
export function readCursor(query: ListQuery): ListPosition | undefined {
  if (query.cursor === undefined) return undefined;
  const [mark = '', sortKey = '', id = '', ...rest] = (decodeCursor(query.cursor) ?? '').split('.');
  if (rest.length > 0 || !/^\d{1,10}$/.test(sortKey) || Number(sortKey) > 2_147_483_647 || !isId(id)) {
    throw new Refusal(400, 'bad-cursor', 'cursor: was not given by this list');
  }
  if (mark !== listMark(query)) {
    throw new Refusal(400, 'bad-cursor', 'cursor: belongs to a list with another filter or sort');
  }
  return { sortKey: Number(sortKey), id };
}

function listMark(query: ListQuery): string {
  return createHash('sha256').update(filterKey(query)).digest('base64url').slice(0, 12);
}
