// Decides whether an answer may be stored, by its own fields (RFC 9111, 3), and makes the entry.

import { hasTags, parseCacheTag } from '../../http/cache-tag.ts';
import type { Fields } from '../../http/fields.ts';
import type { StoredResponse } from '../stored/stored-response.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { type Freshness, fieldsNotStored, parseCacheControl, readFreshness } from './freshness.ts';
import { toRecord } from './header-fields.ts';
import { varyOf } from './vary.ts';

export interface Exchange {
  request: Fields;
  response: Pick<UpstreamResponse, 'status' | 'statusText' | 'headers'>;
  requestedAtMs: number;
  receivedAtMs: number;
  epoch: number;
}

const understood = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501]);

/** @returns the entry without its body, or undefined where the answer may not be kept. */
export function toStored({
  request,
  response,
  requestedAtMs,
  receivedAtMs,
  epoch,
}: Exchange): StoredResponse | undefined {
  const { status, statusText, headers } = response;
  const freshness = readFreshness(status, headers, requestedAtMs, receivedAtMs);
  const tags = parseCacheTag(headers.get('cache-tag') ?? '');
  const vary = varyOf(headers, request);
  if (tags === undefined || vary === undefined || !mayStore(status, freshness, headers, request))
    return undefined;
  if (headers.has('set-cookie') && (hasTags(tags) || !freshness.explicit || request.get('cookie') !== null))
    return undefined;
  const part = status === 206 ? parsePart(headers.get('content-range')) : undefined;
  if (status === 206 && part === undefined) return undefined;
  const record = toRecord(headers);
  const notStored = fieldsNotStored(parseCacheControl(headers.get('cache-control')));
  for (const name of ['age', 'cache-status', ...notStored, ...fieldsNotStored(freshness.directives)])
    delete record[name];
  return {
    ...freshness,
    status,
    statusText,
    headers: record,
    body: new Uint8Array(),
    receivedAtMs,
    tags,
    epoch,
    vary,
    etag: headers.get('etag'),
    lastModified: headers.get('last-modified'),
    compressed: false,
    part,
    onlyFor: record['set-cookie'] === undefined ? undefined : (request.get('x-forwarded-for') ?? ''),
  };
}

function mayStore(status: number, freshness: Freshness, headers: Headers, request: Fields): boolean {
  const { directives, explicit, lifetimeS } = freshness;
  const has = (name: string) => directives.has(name);
  const mustUnderstand = has('must-understand') && understood.has(status);
  if (status < 200 || status === 304 || (has('must-understand') && !mustUnderstand)) return false;
  if ((has('no-store') && !mustUnderstand) || directives.get('private') === true) return false;
  if (/\bno-store\b/i.test(request.get('cache-control') ?? '')) return false;
  const shared = has('public') || has('s-maxage') || headers.has('cdn-cache-control');
  if (request.get('authorization') !== null && !shared && !has('must-revalidate')) return false;
  if (request.get('cookie') !== null && !shared) return false;
  const hasValidator = headers.has('etag') || headers.has('last-modified');
  return explicit ? lifetimeS > 0 || hasValidator : lifetimeS > 0 || (has('no-cache') && hasValidator);
}

function parsePart(field: string | null): StoredResponse['part'] {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(field ?? '');
  if (match === null) return undefined;
  const [from, to, total] = match.slice(1).map(Number) as [number, number, number];
  return from <= to ? { from, to, total } : undefined;
}
