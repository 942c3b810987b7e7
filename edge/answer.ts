// Makes an answer out of a kept one: whole, a part, or 304, with its age.
import { parseHttpDate } from './http-date.ts';
import { ageOfS, freshForS, type StoredResponse } from './stored-response.ts';
import type { Fields } from './vary.ts';

export interface Serving {
  nowMs: number;
  servedBy: string;
  /** What the cache did, as RFC 9211 names it. */
  status: string;
}

export function answerFrom(
  stored: StoredResponse,
  method: string,
  request: Fields,
  serving: Serving,
): Response {
  const headers = new Headers(stored.headers);
  headers.set('age', String(Math.floor(ageOfS(stored, serving.nowMs))));
  headers.set('cache-status', statusLine(stored, serving));
  headers.set('served-by', serving.servedBy);
  if (matches(stored, request)) {
    for (const name of ['content-length', 'content-encoding', 'content-type', 'content-range'])
      headers.delete(name);
    return new Response(null, { status: 304, headers });
  }
  const range = request.get('range');
  const slice = method === 'GET' && range !== null ? sliceOf(stored, range, request) : undefined;
  if (slice === 'unsatisfiable') {
    headers.delete('content-length');
    headers.set('content-range', `bytes */${stored.body.length}`);
    return new Response(null, { status: 416, headers });
  }
  const body = slice?.body ?? stored.body;
  if (slice !== undefined) {
    headers.set('content-range', slice.range);
    headers.set('content-length', String(body.length));
  }
  const empty = method === 'HEAD' || stored.status === 204 || stored.status === 205;
  const status = slice === undefined ? stored.status : 206;
  return new Response(empty ? null : body, {
    status,
    statusText: slice === undefined ? stored.statusText : 'Partial Content',
    headers,
  });
}

export function statusLine(stored: StoredResponse, { nowMs, status }: Serving): string {
  const ttl = freshForS(stored, nowMs);
  return `edge; ${status}; ttl=${Math.max(-(2 ** 31), Math.floor(ttl))}`;
}

/** Whether the client holds this very answer: If-None-Match goes before If-Modified-Since. */
function matches(stored: StoredResponse, request: Fields): boolean {
  if (stored.status !== 200) return false;
  const tags = request.get('if-none-match');
  if (tags !== null) {
    if (tags.trim() === '*') return true;
    const weak = (tag: string) => tag.trim().replace(/^W\//, '');
    return (
      stored.etag !== null &&
      tags.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).some((tag) => weak(tag) === weak(stored.etag!))
    );
  }
  const since = parseHttpDate(request.get('if-modified-since'));
  const modified =
    parseHttpDate(stored.lastModified) ?? parseHttpDate((stored.record.date as string) ?? null);
  return since !== undefined && modified !== undefined && modified <= since;
}

interface Slice {
  body: Uint8Array<ArrayBuffer>;
  range: string;
}

/** @returns undefined where the whole answer is right, or nothing better is possible. */
function sliceOf(
  stored: StoredResponse,
  field: string,
  request: Fields,
): Slice | 'unsatisfiable' | undefined {
  const condition = request.get('if-range');
  if (condition !== null && condition !== stored.etag && condition !== stored.lastModified) return undefined;
  if (stored.status !== 200 && stored.status !== 206) return undefined;
  const wanted = wantedRange(field, stored.part?.total ?? stored.body.length);
  if (wanted === undefined || wanted === 'unsatisfiable') return wanted;
  const offset = stored.part?.from ?? 0;
  const total = stored.part?.total ?? stored.body.length;
  const body = stored.body.subarray(wanted.from - offset, wanted.to - offset + 1);
  return { body, range: `bytes ${wanted.from}-${wanted.to}/${total}` };
}

export function wantedRange(
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

/** Whether a kept answer can serve this request: a part only where it covers what is asked. */
export function covers(stored: StoredResponse, request: Fields, method: string): boolean {
  if (stored.part === undefined) return true;
  const field = request.get('range');
  if (field === null || method !== 'GET') return false;
  // The very request that the part answered, also where the origin counted its bytes otherwise.
  const wanted = wantedRange(field, stored.part.total);
  return typeof wanted === 'object' && wanted.from >= stored.part.from && wanted.to <= stored.part.to;
}
