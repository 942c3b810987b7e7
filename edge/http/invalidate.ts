// Names the addresses that a write makes old (RFC 9111, 4.4): its own, and those that its answer names on the same
// host.
import type { UpstreamResponse } from '../upstream/upstream.ts';

/** @returns paths: the request's own, Content-Location's and Location's. */
export function invalidateAfterWrite(
  request: { method: string; host: string; path: string },
  response: UpstreamResponse,
): string[] {
  if (['OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH'].includes(request.method)) return [];
  if (response.status < 200 || response.status >= 400) return [];
  const named = ['content-location', 'location'].map((name) =>
    pathNamedBy(response.headers.get(name), request),
  );
  return [request.path, ...named.filter((path) => path !== undefined)];
}

/** @returns the path and query of an address on the same host, or undefined. */
export function pathNamedBy(
  field: string | null,
  request: { host: string; path: string },
): string | undefined {
  const base = `http://${request.host}${request.path}`;
  if (field === null || !URL.canParse(field, base)) return undefined;
  const url = new URL(field, base);
  return url.host === new URL(base).host ? `${url.pathname}${url.search}` : undefined;
}
