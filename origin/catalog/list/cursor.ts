// Encodes and decodes list cursors: sort key and id of the last row, bound to one list's filter and sort.
import { createHash } from 'node:crypto';
import { Refusal } from '../../errors.ts';
import { isId } from '../tags.ts';
import { filterKey, type ListQuery } from './list-query.ts';

export interface Place {
  /** What the list is sorted by before the id: minor units, or the rank; 0 where by id alone. */
  sortKey: number;
  id: string;
}

export function writeCursor(query: ListQuery, place: Place): string {
  return Buffer.from(`${listMark(query)}.${place.sortKey}.${place.id}`).toString('base64url');
}

/**
 * @returns undefined where the query has no cursor.
 * @throws Refusal 400 `bad-cursor` where it was not made by `writeCursor` for the same filter and sort.
 */
export function readCursor(query: ListQuery): Place | undefined {
  if (query.cursor === undefined) return undefined;
  const [mark = '', sortKey = '', id = '', ...rest] = Buffer.from(query.cursor, 'base64url')
    .toString('latin1')
    .split('.');
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
