// The origin as one web-standard app: what every request passes through, and the table of contents of its routes.
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { createClientAddress } from '../http/client-address.ts';
import { createAccountDeps } from './account/account-deps.ts';
import { accountPages } from './account/pages/routes.ts';
import { createPasswords, type Passwords } from './account/passwords.ts';
import { accountRoutes } from './account/routes.ts';
import type { Carts } from './cart/carts.ts';
import { cartPages } from './cart/pages/routes.ts';
import { cartRoutes } from './cart/routes.ts';
import { readNavigationSoon } from './catalog/pages/navigation.ts';
import { catalogPages } from './catalog/pages/routes.ts';
import { catalogRoutes } from './catalog/routes.ts';
import { pictureRoute } from './demo-catalog/picture-route.ts';
import type { Deps } from './deps.ts';
import { Refusal } from './errors.ts';
import { orderPages } from './order/pages/routes.ts';
import { createPaymentProviders, type PaymentProviders } from './order/payment/providers.ts';
import { orderRoutes } from './order/routes.ts';
import { staffPages } from './staff/page-routes.ts';
import { staffRoutes } from './staff/routes.ts';
import { describeApi } from './web/api/describe-api.ts';
import { assetRoutes } from './web/assets.ts';
import type { AppEnv, RuntimeBindings } from './web/env.ts';
import { errorPage } from './web/page/error-page.ts';
import { isApiPath, problemResponse, toRefusal } from './web/problem.ts';
import { createAllowedMethods } from './web/request/allowed-methods.ts';
import { canonicalPath } from './web/request/canonical-path.ts';
import { limitBody, refuseEncodedBody } from './web/request/limit-body.ts';
import { sendWrittenPosition } from './web/request/read-your-writes.ts';
import { checkSameOrigin } from './web/request/same-origin.ts';
import { readTrace } from './web/request/trace.ts';
import { createFinishResponse } from './web/response-headers.ts';
import { type Health, healthRoutes } from './web/serving/health.ts';
import { createLoadShedding, type LoadBounds, usualLoadBounds } from './web/serving/load-shedding.ts';

const maxBodyBytes = 64 * 1024;
/** A long description in letters of three bytes, percent-encoded, and the pieces of some thousand variants. */
const maxStaffFormBytes = 512 * 1024;

export interface AppOptions {
  /** Cheaper ones for tests. */
  passwords?: Passwords;
  /** Ones that ask another server, for tests. */
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
  passThrough(app, deps, options.loadBounds ?? usualLoadBounds);

  app.route('/', healthRoutes(health));
  app.route('/', assetRoutes(deps));
  app.route('/', pictureRoute());
  app.route('/', catalogRoutes(deps));
  app.route('/', cartRoutes(deps, carts));
  app.route('/', accountRoutes(accounts));
  app.route('/', orderRoutes(deps, carts, providers));
  app.route('/', staffRoutes(deps));
  describeApi(app);

  app.route('/', catalogPages(deps));
  app.route('/', cartPages(deps, carts));
  app.route('/', accountPages(accounts));
  app.route('/', orderPages(deps, carts, providers));
  app.route('/', staffPages(deps, providers));

  const respondToError = createRespondToError(deps);
  app.onError(respondToError);
  app.notFound(createNothingHere(app, respondToError));
  return app;
}

function passThrough(app: OpenAPIHono<AppEnv>, deps: Deps, loadBounds: LoadBounds): void {
  const clientAddress = createClientAddress(deps.settings.trustedProxies);
  const finish = createFinishResponse(deps.settings);
  app.use(async (c, next) => {
    const startedAtMs = performance.now();
    c.set('startedAtMs', startedAtMs);
    c.set('traceparent', readTrace(c.req.header('traceparent')));
    c.set('clientAddress', clientAddress(socketAddress(c), c.req.header('X-Forwarded-For')));
    await next();
    // Not assigned: that would copy the response and every header of it.
    finish(c.res, startedAtMs);
    deps.countAnswer(c.res.status, startedAtMs);
  });
  app.use(createLoadShedding(loadBounds));
  app.use(sendWrittenPosition(deps.commits, deps.settings));
  app.use(async (c, next) => {
    checkSameOrigin(c.req.raw);
    await next();
  });
  app.use(refuseEncodedBody);
  const [usual, ofStaff] = [limitBody(maxBodyBytes), limitBody(maxStaffFormBytes)];
  app.use((c, next) => (c.req.path.startsWith('/staff/') ? ofStaff : usual)(c, next));
}

/** There is nothing at the address, or nothing for this method; or it is another spelling of a page's address. */
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
    // A refusal without a cause has nothing more to tell, and comes by the thousand when we are busy.
    const isExpected = error === refusal && error.cause === undefined;
    if (refusal.status >= 500 && !isExpected) {
      deps.log.error({ err: error, traceparent: c.get('traceparent'), path: c.req.path }, 'request failed');
    }
    const response = isApiPath(c.req.path)
      ? problemResponse(refusal)
      : errorPage(refusal, await readNavigationSoon(deps, refusal.status < 500 ? 500 : 0));
    // The rest of a body that was too long still comes: nobody can be answered on that connection after this.
    if (refusal.status === 413 && c.req.header('Content-Length') === undefined)
      response.headers.set('Connection', 'close');
    return response;
  };
}

/** Empty where the runtime does not tell, as in `app.request()`. */
function socketAddress(c: Context<AppEnv>): string {
  const bindings = (c.env ?? {}) as RuntimeBindings;
  return bindings.incoming?.socket.remoteAddress ?? bindings.remoteAddr?.hostname ?? '';
}
