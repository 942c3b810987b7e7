// Makes the request that the origin gets: client address set, hop-by-hop fields removed, no cookies for shared pages.
import { chooseEncoding } from '../../http/negotiation.ts';
import { cacheKey, normaliseQuery } from '../http/addresses.ts';
import { dropHopByHop } from '../http/header-fields.ts';
import type { UpstreamRequest } from './upstream.ts';

export interface EdgeRequest extends UpstreamRequest {
  host: string;
  clientAddress: string;
}

export interface Forwarded extends UpstreamRequest {
  host: string;
  /** Under which its answers are stored. */
  key: string;
}

export function forwardRequest(request: EdgeRequest): Forwarded {
  const { method, host, body, onInterim } = request;
  const headers = new Headers(request.headers);
  dropHopByHop(headers);
  // The edge has answered an expectation itself; `Forwarded` is not ours to vouch for.
  for (const name of ['forwarded', 'x-real-ip', 'expect']) headers.delete(name);
  headers.set('x-forwarded-for', request.clientAddress);
  headers.set('host', host);
  const path = pathOfRead(request.path);
  const key = cacheKey(host, path);
  if (!isRead(method)) return { method, host, path: request.path, key, headers, body, onInterim };
  // A read goes without its body, so it must not announce one: the origin would take the next request for it.
  headers.delete('content-length');
  if (isSharedPath(path)) {
    headers.delete('cookie');
    headers.delete('authorization');
  }
  const encodings = headers.get('accept-encoding');
  if (encodings !== null) headers.set('accept-encoding', chooseEncoding(encodings));
  return { method, host, path, key, headers, body: null, onInterim };
}

export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** @param path with its query, as the client sent it. */
export function pathOfRead(path: string): string {
  return path.includes('?') && isSharedPath(path) ? normaliseQuery(path) : path;
}

/** The addresses whose answers are the same for everyone. Only these are asked for without the shopper's cookies. */
const shared = new RegExp(
  `^/(?:$|${[
    '(?:c|p|assets|images|sitemaps)/[^/]+$',
    'search$',
    '(?:delivery|returns|contact|terms|privacy|imprint)$',
    'api/products(?:/[^/]+)?$',
    'api/categories$',
    'robots\\.txt$',
    'sitemap\\.xml$',
    'feeds/products\\.xml$',
    'manifest\\.webmanifest$',
    'favicon\\.ico$',
  ].join('|')})`,
);

/** @param path with or without its query. */
export function isSharedPath(path: string): boolean {
  return shared.test(path.split('?', 1)[0]!);
}
