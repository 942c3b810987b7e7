// Runs on every request: trace and client address, a limit on bodies, refusal of writes from other sites, and CORS.
import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler, Next } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { routePath } from 'hono/route';
import { createClientAddress, networkOf } from '../../../http/client-address.ts';
import { isTracing, toTraceparent, withSpan } from '../../../http/tracing.ts';
import type { Settings } from '../../config.ts';
import type { Deps } from '../../deps.ts';
import { Refusal } from '../../errors.ts';
import type { AppEnv, RuntimeBindings } from '../env.ts';
import { isApiPath } from '../problem.ts';
import { createFinishResponse, withoutTokens } from '../response-headers.ts';

/** Gives each request its trace and client address, and each answer the common headers. Counts and times requests. */
export function observeRequest(
  deps: Pick<Deps, 'settings' | 'countAnswer' | 'log'>,
): MiddlewareHandler<AppEnv> {
  const readAddress = createReadAddress(deps.settings);
  const finish = createFinishResponse(deps.settings);
  const observe = async (c: Context<AppEnv>, next: Next, traceparent: string) => {
    const startedAtMs = performance.now();
    c.set('startedAtMs', startedAtMs);
    c.set('traceparent', traceparent);
    c.set('clientAddress', readAddress(c));
    await next();
    // The response is changed in place. Assigning it would copy the response and all its headers.
    finish(c.res, startedAtMs);
    deps.countAnswer(c.res.status, startedAtMs);
    if (securityStatuses.has(c.res.status)) noteRefusal(deps, c);
  };
  return (c, next) => {
    const received = c.req.header('traceparent');
    if (!isTracing()) return observe(c, next, readTrace(received));
    const { method } = c.req;
    return withSpan({ name: method, kind: 'server', parent: received ?? '' }, async (span) => {
      await observe(c, next, span === undefined ? readTrace(received) : toTraceparent(span));
      const route = routePath(c, -1);
      span?.updateName(`${method} ${route}`);
      span?.setAttributes({
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': c.res.status,
      });
      if (c.res.status >= 500) span?.setStatus({ code: 2 });
    });
  };
}

const securityStatuses = new Set([401, 403, 429]);

/** Logs a refusal for security: code, path and client network, without anything that was sent. */
function noteRefusal({ log }: Pick<Deps, 'log'>, c: Context<AppEnv>): void {
  const { method, path } = c.req;
  const { status } = c.res;
  const code = c.get('refusalCode');
  const network = networkOf(c.get('clientAddress'));
  log.info({ security: 'refused', status, code, method, path: withoutTokens(path), network }, 'security');
}

/** The client's address, whatever trusted proxies the request passed. */
export function createReadAddress({
  trustedProxies,
}: Pick<Settings, 'trustedProxies'>): (c: Context) => string {
  const clientAddress = createClientAddress(trustedProxies);
  return (c) => clientAddress(socketAddress(c), c.req.header('X-Forwarded-For'));
}

/** Empty where the runtime does not provide it, as in `app.request()`. */
function socketAddress(c: Context): string {
  const bindings = (c.env ?? {}) as RuntimeBindings;
  return bindings.incoming?.socket.remoteAddress ?? '';
}

const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * W3C trace context: continues the caller's trace or starts one. Jobs carry it on.
 * @returns a `traceparent` with the caller's trace id and a new span id
 */
function readTrace(received: string | undefined): string {
  const span = randomHex().slice(0, 16);
  if (received !== undefined && traceparentPattern.test(received)) {
    return `${received.slice(0, 36)}${span}${received.slice(52)}`;
  }
  return `00-${randomHex()}-${span}-01`;
}

/**
 * Makes 32 hexadecimal digits, neither half of them all zero. Node takes UUIDs from cached random bytes; other random
 * bytes need a system call each.
 */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}

const withoutBody = new Set(['GET', 'HEAD']);

/**
 * Refuses a body that is too long, before anything reads it. Where the length is announced, Node's server enforces
 * it, so only the announcement is checked. Hono's own limit would first build a whole web request with a stream,
 * which was most of the cost of a small write.
 * @throws Refusal 413 `body-too-large`
 */
export function limitBody(maxBytes: number): MiddlewareHandler {
  const refuse = () => {
    throw new Refusal(413, 'body-too-large', `A request body has at most ${maxBytes} bytes`);
  };
  const whileReading = bodyLimit({ maxSize: maxBytes, onError: refuse });
  return (c: Context, next: Next) => {
    if (withoutBody.has(c.req.method)) return next();
    const announced = c.req.header('Content-Length');
    if (announced === undefined || c.req.header('Transfer-Encoding') !== undefined)
      return whileReading(c, next);
    return Number(announced) > maxBytes ? refuse() : next();
  };
}

/**
 * Refuses encoded bodies. Nothing here decodes them, and parsing one would report malformed input instead.
 * @throws Refusal 415 `unsupported-content-encoding`, with the accepted encoding (RFC 9110, 12.5.3)
 */
export async function refuseEncodedBody(c: Context, next: Next): Promise<void> {
  const codings = c.req.header('Content-Encoding')?.split(',') ?? [];
  const isEncoded = codings.some((coding) => !['', 'identity'].includes(coding.trim().toLowerCase()));
  if (isEncoded && !withoutBody.has(c.req.method)) {
    const message = 'Send the body as it is, without Content-Encoding';
    throw new Refusal(415, 'unsupported-content-encoding', message, {
      headers: { 'Accept-Encoding': 'identity' },
    });
  }
  await next();
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const formTypes = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

/**
 * Refuses writes that a browser sends from another site (CSRF), so that shared pages need no tokens.
 * @throws Refusal 403 `cross-site`
 */
export function checkSameOrigin(request: Request): void {
  if (safeMethods.has(request.method) || bearsOnlyToken(request)) return;
  const site = request.headers.get('Sec-Fetch-Site');
  const origin = request.headers.get('Origin');
  if (site !== null && site !== 'same-origin' && site !== 'none') throw crossSite();
  if (origin !== null && hostOf(origin) !== request.headers.get('Host')) throw crossSite();
  if (site !== null || origin !== null || !isForm(request)) return;
  // The API reads no forms and refuses such a body for its type.
  if (!isApiPath(new URL(request.url).pathname)) throw crossSite();
}

/** No browser adds a bearer token by itself, so a request with one is intended wherever its page came from. */
function bearsOnlyToken({ headers, url }: Request): boolean {
  const isBearer = /^bearer\s/i.test(headers.get('Authorization') ?? '');
  return isBearer && headers.get('Cookie') === null && isApiPath(new URL(url).pathname);
}

function isForm(request: Request): boolean {
  const type = request.headers.get('Content-Type')?.toLowerCase() ?? '';
  return formTypes.some((form) => type.startsWith(form));
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function crossSite(): Refusal {
  return new Refusal(403, 'cross-site', 'This request did not come from our own pages');
}

// CORS: pages of any site may read the public catalog. Pages of named origins may use the API with a bearer token.

/** These answers are the same for everyone, whatever cookie or token is sent. */
const forAll = /^\/api\/(?:products(?:\/[^/]*)?|categories|openapi\.json)$/;
const exposed =
  'ETag, Cache-Tag, Cache-Status, Location, Preference-Applied, Retry-After, Server-Timing, WWW-Authenticate';
const preflightOfCatalog = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, HEAD',
  'Access-Control-Allow-Headers': 'Accept, Content-Type, If-None-Match, Traceparent',
  'Access-Control-Max-Age': '86400',
};
/** Preflights are valid for an hour. A revoked token is refused all the same. */
const preflightOfOrigin = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers':
    'Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, Traceparent',
  'Access-Control-Max-Age': '3600',
};

/** Headers of shared answers, which do not depend on the caller. */
export const catalogCorsHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': exposed,
};

/** Cookies are never allowed, so that another site cannot use a session. */
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
