// Cuts byte ranges out of stored answers (RFC 9110, 14), and says which stored part can serve which request.

import type { Fields } from '../../http/fields.ts';
import type { StoredResponse } from '../stored/stored-response.ts';

interface Slice {
  body: Uint8Array<ArrayBuffer>;
  range: string;
}

/** @returns undefined where the whole answer is right, or nothing better is possible. */
export function sliceOf(
  stored: StoredResponse,
  field: string,
  request: Fields,
): Slice | 'unsatisfiable' | undefined {
  if (stored.status !== 200 && stored.status !== 206) return undefined;
  if (!isSame(stored, request.get('if-range'))) return undefined;
  const total = stored.part?.total ?? stored.body.length;
  const wanted = wantedRange(field, total);
  if (wanted === undefined || wanted === 'unsatisfiable') return wanted;
  const offset = stored.part?.from ?? 0;
  const body = stored.body.subarray(wanted.from - offset, wanted.to - offset + 1);
  return { body, range: `bytes ${wanted.from}-${wanted.to}/${total}` };
}

/** Whether a stored answer can serve this request: a part only where it covers what is asked. */
export function covers(stored: StoredResponse, request: Fields, method: string): boolean {
  if (stored.part === undefined) return true;
  const field = request.get('range');
  if (field === null || method !== 'GET') return false;
  const wanted = wantedRange(field, stored.part.total);
  return typeof wanted === 'object' && wanted.from >= stored.part.from && wanted.to <= stored.part.to;
}

/** A weak tag says nothing about bytes, so it never joins two parts. */
function isSame(stored: StoredResponse, condition: string | null): boolean {
  if (condition === null) return true;
  if (condition.startsWith('W/')) return false;
  return condition === stored.etag || condition === stored.lastModified;
}

function wantedRange(
  field: string,
  total: number,
): { from: number; to: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(field.trim());
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const suffix = match[1] === '';
  const from = suffix ? Math.max(0, total - Number(match[2])) : Number(match[1]);
  const to = suffix || match[2] === '' ? total - 1 : Math.min(total - 1, Number(match[2]));
  if (match[2] !== '' && !suffix && Number(match[2]) < from) return undefined;
  return from > to ? 'unsatisfiable' : { from, to };
}
