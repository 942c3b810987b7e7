// CORS: pages of any site may read the public catalog; those of named origins may use the API with a bearer token.
import type { Context, MiddlewareHandler, Next } from 'hono';
import type { Settings } from '../../config.ts';
import type { AppEnv } from '../env.ts';
import { isApiPath } from '../problem.ts';

/** The same for everyone: no cookie or token makes a difference. */
const forAll = /^\/api\/(?:products(?:\/[^/]*)?|categories|openapi\.json)$/;
const exposed =
  'ETag, Cache-Tag, Cache-Status, Location, Preference-Applied, Retry-After, Server-Timing, WWW-Authenticate';
const preflightOfCatalog = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD',
  'Access-Control-Allow-Headers': 'Accept, Content-Type, If-None-Match, Traceparent',
  'Access-Control-Max-Age': '86400',
};
/** An hour: a token that is revoked is refused all the same. */
const preflightOfOrigin = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers':
    'Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, Traceparent',
  'Access-Control-Max-Age': '3600',
};

/** For shared answers, which are made without looking at who asks. */
export const catalogCorsHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': exposed,
};

/** Cookies are never allowed along, so that a session is of no use to another site. */
export function allowOtherOrigins({ corsOrigins }: Pick<Settings, 'corsOrigins'>): MiddlewareHandler<AppEnv> {
  const named = new Set(corsOrigins);
  return async (c: Context<AppEnv>, next: Next) => {
    const { path, method } = c.req;
    if (!isApiPath(path)) return next();
    const origin = c.req.header('Origin');
    const isForAll = forAll.test(path);
    const isNamed = !isForAll && origin !== undefined && named.has(origin);
    const isPreflight = method === 'OPTIONS' && c.req.header('Access-Control-Request-Method') !== undefined;
    if (isPreflight && isForAll) return new Response(null, { status: 204, headers: preflightOfCatalog });
    if (isPreflight && isNamed) {
      const headers = { 'Access-Control-Allow-Origin': origin, Vary: 'Origin', ...preflightOfOrigin };
      return new Response(null, { status: 204, headers });
    }
    await next();
    const { headers } = c.res;
    if (isForAll) for (const [name, value] of Object.entries(catalogCorsHeaders)) headers.set(name, value);
    if (isForAll || named.size === 0) return;
    headers.append('Vary', 'Origin');
    if (!isNamed) return;
    headers.set('Access-Control-Allow-Origin', origin);
    headers.set('Access-Control-Expose-Headers', exposed);
  };
}
