// Decides whether an answer may be stored (RFC 9111, 3), and revalidates a stored one with its validators (4.3).
import { hasTags, parseCacheTag } from '../../http/cache-tag.ts';
import type { Fields } from '../../http/fields.ts';
import type { StoredAnswers } from '../stored/stored-answers.ts';
import { markCompressed, type StoredResponse } from '../stored/stored-response.ts';
import type { Forwarded } from '../upstream/forward-request.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { type Freshness, fieldsNotStored, parseCacheControl, readFreshness } from './freshness.ts';
import { fieldOf, toHeaders, toRecord } from './header-fields.ts';
import { varyOf } from './vary.ts';

interface Exchange {
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

// Revalidates a stored answer with its validators, and updates its fields from the 304 (RFC 9111, 4.3).

export interface Times {
  requestedAtMs: number;
  receivedAtMs: number;
  /** The fence's when the origin was asked. */
  epoch: number;
}

export function isConditional(stored: StoredResponse, asked: Forwarded): boolean {
  return (
    stored.part === undefined && (stored.etag ?? stored.lastModified) !== null && !asked.headers.has('range')
  );
}

export function setConditions(asked: Headers, stored: StoredResponse): Headers {
  const headers = new Headers(asked);
  headers.delete('if-none-match');
  headers.delete('if-modified-since');
  if (stored.etag !== null) headers.set('if-none-match', stored.etag);
  if (stored.lastModified !== null) headers.set('if-modified-since', stored.lastModified);
  return headers;
}

/** @returns the entry with the confirming answer's fields, or undefined where they forbid to keep it. */
export function update(
  stored: StoredResponse,
  { headers: confirming }: UpstreamResponse,
  asked: Forwarded,
  times: Times,
): StoredResponse | undefined {
  const headers = toHeaders(stored.headers);
  const told = [...confirming].filter(
    ([name]) => !['content-length', 'content-encoding', 'content-range'].includes(name),
  );
  for (const [name] of told) headers.delete(name);
  // Each cookie is a line of its own.
  for (const [name, value] of told) headers.append(name, value);
  if (stored.compressed) markCompressed(headers);
  const { status, statusText, body, compressed } = stored;
  const updated = toStored({ request: asked.headers, response: { status, statusText, headers }, ...times });
  return updated && { ...updated, body, compressed };
}

/** Fields of the confirming answer that are not stored, for the one client that it came for (RFC 9111, 5.2.2.4). */
export function addUnstoredFields(answer: Response, { headers: confirming }: UpstreamResponse): Response {
  const names = fieldsNotStored(parseCacheControl(confirming.get('cache-control')));
  for (const [name, value] of confirming) if (names.includes(name)) answer.headers.append(name, value);
  return answer;
}

/** What HEAD says of the page holds for the stored one too, where both are the same; else the stored one is old. */
export async function confirmByHead(
  storedAnswers: StoredAnswers,
  told: { asked: Forwarded; stored: StoredResponse; response: UpstreamResponse; times: Times },
): Promise<void> {
  const { asked, stored, response, times } = told;
  if (response.status !== 200 || stored.status !== 200) return;
  // Of a body that the edge encoded the origin knows neither length nor tag.
  const compared = stored.compressed ? ['last-modified'] : ['etag', 'last-modified', 'content-length'];
  const isSame = compared.every(
    (name) => !response.headers.has(name) || response.headers.get(name) === fieldOf(stored.headers, name),
  );
  if (!isSame) return storedAnswers.remove(asked.key);
  const updated = update(stored, response, asked, times);
  if (updated !== undefined) await storedAnswers.store(asked.key, updated);
}
