// Revalidates a stored answer with its validators, and updates its fields from the 304 (RFC 9111, 4.3).

import type { StoredAnswers } from '../stored/stored-answers.ts';
import { markCompressed, type StoredResponse } from '../stored/stored-response.ts';
import type { Forwarded } from '../upstream/forward-request.ts';
import type { UpstreamResponse } from '../upstream/upstream.ts';
import { fieldsNotStored, parseCacheControl } from './freshness.ts';
import { fieldOf, toHeaders } from './header-fields.ts';
import { toStored } from './may-store.ts';

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
