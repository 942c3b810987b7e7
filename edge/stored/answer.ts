// Makes a reply from a stored answer: the whole, a part or 304, with its age.
// The result is plain data, which each runtime writes.

import type { Fields } from '../../http/fields.ts';
import { matchesEntityTag } from '../../http/negotiation.ts';
import { parseHttpDate } from '../http/freshness.ts';
import { fieldOf, type HeaderRecord, toHeaders } from '../http/header-fields.ts';
import { ageOfS, freshForS, type StoredResponse } from './stored-response.ts';

export interface Answer {
  status: number;
  statusText: string;
  headers: HeaderRecord;
  body: Uint8Array<ArrayBuffer> | string | null;
}

export interface ServedAs {
  nowMs: number;
  servedBy: string;
  /** What the cache did, as RFC 9211 names it. */
  status: string;
}

export function answerFrom(
  stored: StoredResponse,
  method: string,
  request: Fields,
  serving: ServedAs,
): Answer {
  const headers = wholeHeaders(stored, serving);
  if (clientHas(stored, request)) return notModified(headers);
  const range = method === 'GET' ? request.get('range') : null;
  const slice = range === null ? undefined : sliceOf(stored, range, request);
  if (slice === 'unsatisfiable') return unsatisfiable(headers, stored.body.length);
  if (slice !== undefined) {
    const fields = { 'content-range': slice.range, 'content-length': String(slice.body.length) };
    return {
      status: 206,
      statusText: 'Partial Content',
      headers: { ...headers, ...fields },
      body: slice.body,
    };
  }
  const body = method === 'HEAD' || isEmpty(stored.status) ? null : stored.body;
  return { status: stored.status, statusText: stored.statusText, headers, body };
}

/** If-None-Match goes before If-Modified-Since (RFC 9110, 13.2.2). */
function clientHas(stored: StoredResponse, request: Fields): boolean {
  if (stored.status !== 200) return false;
  const tags = request.get('if-none-match');
  if (tags !== null) return matchesEntityTag(tags, stored.etag);
  const field = request.get('if-modified-since');
  if (field === null) return false;
  const since = parseHttpDate(field);
  const modified = parseHttpDate(stored.lastModified) ?? parseHttpDate(fieldOf(stored.headers, 'date'));
  return since !== undefined && modified !== undefined && modified <= since;
}

export function toResponse({ status, statusText, headers, body }: Answer): Response {
  return new Response(body, { status, statusText, headers: toHeaders(headers) });
}

/** Made once for each second of its age. */
function wholeHeaders(stored: StoredResponse, { nowMs, servedBy, status }: ServedAs): HeaderRecord {
  const ageS = Math.floor(ageOfS(stored, nowMs));
  const made = stored.made;
  if (made !== undefined && made.ageS === ageS && made.status === status) return made.headers;
  const ttlS = Math.max(-(2 ** 31), Math.floor(freshForS(stored, nowMs)));
  const headers: HeaderRecord = {
    ...stored.headers,
    age: String(ageS),
    'cache-status': `edge; ${status}; ttl=${ttlS}`,
    'served-by': servedBy,
    'server-timing': 'edge',
  };
  if (!isEmpty(stored.status)) headers['content-length'] = String(stored.body.length);
  stored.made = { ageS, status, headers };
  return headers;
}

function notModified(whole: HeaderRecord): Answer {
  const headers = { ...whole };
  for (const name of ['content-length', 'content-encoding', 'content-type', 'content-range'])
    delete headers[name];
  return { status: 304, statusText: 'Not Modified', headers, body: null };
}

function unsatisfiable(whole: HeaderRecord, total: number): Answer {
  const headers = { ...whole, 'content-range': `bytes */${total}`, 'content-length': '0' };
  return { status: 416, statusText: 'Range Not Satisfiable', headers, body: null };
}

function isEmpty(status: number): boolean {
  return status === 204 || status === 205;
}

interface Slice {
  body: Uint8Array<ArrayBuffer>;
  range: string;
}

/**
 * Cuts a byte range out of a stored answer (RFC 9110, 14).
 * @returns undefined where the whole answer is right, or nothing better is possible.
 */
function sliceOf(
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
