// Makes the origin's one web-standard app from the middleware and routes of routes.ts.
// Also gives the answers to errors and unknown addresses.
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { TrieRouter } from 'hono/router/trie-router';
import { createAccountDeps } from './account/account-deps.ts';
import { createPasswords, type Passwords } from './account/passwords.ts';
import type { Carts } from './cart/carts.ts';
import { readNavigationSoon } from './catalog/categories.ts';
import type { Deps } from './deps.ts';
import { Refusal } from './errors.ts';
import { createPaymentProviders, type PaymentProviders } from './order/payment/providers.ts';
import { createMiddleware, mountRoutes } from './routes.ts';
import type { AppEnv } from './web/env.ts';
import { errorPage } from './web/page/page-response.ts';
import { isApiPath, problemResponse, toRefusal } from './web/problem.ts';
import { withoutTokens } from './web/response-headers.ts';
import type { Health } from './web/serving/health.ts';
import { type LoadBounds, usualLoadBounds } from './web/serving/load-shedding.ts';

interface AppOptions {
  /** Tests pass cheaper ones. */
  passwords?: Passwords;
  /** Tests pass providers that ask another server. */
  providers?: PaymentProviders;
  loadBounds?: LoadBounds;
}

export function createApp(
  deps: Deps,
  carts: Carts,
  health: Health,
  options: AppOptions = {},
): OpenAPIHono<AppEnv> {
  const accounts = createAccountDeps(deps, carts, options.passwords ?? createPasswords());
  const providers = options.providers ?? createPaymentProviders(deps.settings);
  const app = new OpenAPIHono<AppEnv>();
  app.use(...createMiddleware(deps, options.loadBounds ?? usualLoadBounds));
  mountRoutes(app, { deps, carts, accounts, providers, health });
  const respondToError = createRespondToError(deps);
  app.onError(respondToError);
  app.notFound(createNothingHere(app, respondToError));
  return app;
}

/** Answers 404, 405, or a redirect where the address is another spelling of a page's address. */
function createNothingHere(app: OpenAPIHono<AppEnv>, respondToError: RespondToError) {
  const allowedAt = createAllowedMethods(app.routes);
  return async (c: Context<AppEnv>): Promise<Response> => {
    const proper = canonicalPath(c.req.path);
    const isPage = !isApiPath(proper) || proper === '/api/docs';
    if (isPage && proper !== c.req.path && allowedAt(proper).includes(c.req.method)) {
      const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
      return c.redirect(`${proper}${new URL(c.req.url).search}`, isRead ? 301 : 308);
    }
    const allowed = allowedAt(c.req.path);
    if (allowed.length === 0 || allowed.includes(c.req.method))
      return respondToError(new Refusal(404, 'not-found', 'There is nothing at this address'), c);
    const allow = allowed.join(', ');
    if (c.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { Allow: allow } });
    const told = `What can be asked for here is ${allow}`;
    return respondToError(new Refusal(405, 'method-not-allowed', told, { headers: { Allow: allow } }), c);
  };
}

type RespondToError = (error: Error, c: Context<AppEnv>) => Promise<Response>;

/** The one place where errors become answers: problem documents under /api, the shop's own page elsewhere. */
function createRespondToError(deps: Deps): RespondToError {
  return async (error, c) => {
    const refusal = toRefusal(error);
    // A refusal without a cause has nothing to add, and under load there are thousands of them.
    const isExpected = error === refusal && error.cause === undefined;
    if (refusal.status >= 500 && !isExpected) {
      const path = withoutTokens(c.req.path);
      // The watch of the stores reports a silent store once. It is no fault of this origin.
      const level = refusal.status === 503 ? 'warn' : 'error';
      deps.log[level]({ err: error, traceparent: c.get('traceparent'), path }, 'request failed');
    }
    c.set('refusalCode', refusal.code);
    const response = isApiPath(c.req.path)
      ? problemResponse(refusal)
      : errorPage(refusal, await readNavigationSoon(deps, refusal.status < 500 ? 500 : 0));
    // The rest of a body that was too long is still arriving, so this connection cannot answer another request.
    if (refusal.status === 413 && c.req.header('Content-Length') === undefined)
      response.headers.set('Connection', 'close');
    return response;
  };
}

/** The part of an app's route that is needed here. */
interface KnownRoute {
  method: string;
  path: string;
}

/**
 * Lists the methods of an address, for 405 and OPTIONS (RFC 9110, 9.3.7 and 15.5.6).
 * @returns a function from a path to its methods in alphabetical order; an empty list where no route matches
 */
function createAllowedMethods(routes: KnownRoute[]): (path: string) => string[] {
  const router = new TrieRouter<string>();
  // Middleware is mounted for every method, so it does not show which routes exist.
  for (const { method, path } of routes) if (method !== 'ALL') router.add('GET', path, method);
  return (path) => {
    const methods = new Set(router.match('GET', path)[0].map(([method]) => method));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  };
}

/** The names below these paths are written in lower case and composed letters (NFC). */
const named = new Set(['p', 'c']);

/**
 * Gives each page one address: no trailing slash, no empty parts, lower case. Other spellings are redirected.
 * @param path as the client wrote it
 * @returns a path with exactly one leading slash, so that a redirect to it cannot name another host
 */
function canonicalPath(path: string): string {
  const [kind = '', ...rest] = path.split('/').filter((part) => part !== '');
  const first = kind.toLowerCase();
  return `/${[first, ...(named.has(first) ? rest.map(properName) : rest)].join('/')}`;
}

/** A part that cannot be decoded stays as it is; it names nothing. */
function properName(part: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(part).normalize('NFC').toLowerCase());
  } catch {
    return part;
  }
}
