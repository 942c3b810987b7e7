// What a write makes old (RFC 9111, 4.4): its own address, and those that its answer names on the same host.
import type { UpstreamResponse } from './upstream.ts';

/** @returns paths: the request's own first, then Content-Location's and Location's. */
export function invalidateAfterWrite(
  request: { method: string; host: string; path: string },
  response: UpstreamResponse,
): string[] {
  if (['OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH'].includes(request.method)) return [];
  if (response.status < 200 || response.status >= 400) return [];
  const base = new URL(request.path, `http://${request.host}`);
  const named = ['content-location', 'location'].flatMap((name) => {
    const field = response.headers.get(name);
    if (field === null || !URL.canParse(field, base.href)) return [];
    const url = new URL(field, base);
    return url.host === base.host ? [`${url.pathname}${url.search}`] : [];
  });
  return [request.path, ...named];
}
