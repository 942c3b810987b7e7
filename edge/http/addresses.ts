// One cache key for all spellings of an address, and the addresses that a write makes old.
import type { UpstreamResponse } from '../upstream/upstream.ts';

/**
 * Makes one cache key of all spellings of an address that RFC 3986, 6.2.2 calls equivalent, and of no others.
 */
export function cacheKey(host: string, path: string): string {
  const query = path.endsWith('?') ? path.slice(0, -1) : path;
  return `${host.toLowerCase()}${query.includes('%') ? query.replace(/%[0-9a-f]{2}/gi, normaliseOctet) : query}`;
}

function normaliseOctet(octet: string): string {
  const char = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(char) ? char : octet.toUpperCase();
}

const following = /^(?:utm_\w+|gclid|dclid|fbclid|msclkid|mc_[ce]id)(?:=|$)/i;

/**
 * Gives equivalent queries one spelling: parameters sorted by name, tracking parameters removed. The same
 * path is the cache key and is sent to the origin, so that no page holds another's tracking parameters.
 * @param path with its query.
 */
export function normaliseQuery(path: string): string {
  const at = path.indexOf('?');
  if (at < 0) return path;
  const members = path
    .slice(at + 1)
    .split('&')
    .filter((member) => member !== '' && !following.test(member));
  // Equal names keep their order, which may mean something.
  const sorted = members
    .map((member) => ({ member, name: member.split('=', 1)[0]! }))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ member }) => member);
  return sorted.length === 0 ? path.slice(0, at) : `${path.slice(0, at)}?${sorted.join('&')}`;
}

/**
 * Names the addresses that a write makes old (RFC 9111, 4.4): its own, and those that its answer names on the
 * same host.
 * @returns paths: the request's own, Content-Location's and Location's.
 */
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
