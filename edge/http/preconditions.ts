// Checks whether the client has this very answer (RFC 9110, 13): If-None-Match goes before If-Modified-Since.

import type { Fields } from '../../http/fields.ts';
import type { StoredResponse } from '../stored/stored-response.ts';
import { parseHttpDate } from './freshness.ts';
import { fieldOf } from './header-fields.ts';

export function matches(stored: StoredResponse, request: Fields): boolean {
  if (stored.status !== 200) return false;
  const tags = request.get('if-none-match');
  if (tags !== null) return tags.trim() === '*' || listsTag(tags, stored.etag);
  const field = request.get('if-modified-since');
  if (field === null) return false;
  const since = parseHttpDate(field);
  const modified = parseHttpDate(stored.lastModified) ?? parseHttpDate(fieldOf(stored.headers, 'date'));
  return since !== undefined && modified !== undefined && modified <= since;
}

/** Compares weakly, as If-None-Match does. */
function listsTag(field: string, etag: string | null): boolean {
  if (etag === null) return false;
  const wanted = opaque(etag);
  // The one tag that browsers send needs no reading.
  return field === etag || field.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).some((tag) => opaque(tag) === wanted);
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}
