// Every route of the origin: method, path, audience, cache policy, and the function that mounts it.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono, MiddlewareHandler } from 'hono';
import { TrieRouter } from 'hono/router/trie-router';
import type { AccountDeps } from './account/account-deps.ts';
import { accountApi } from './account/api.ts';
import { accountPages } from './account/pages.ts';
import { cartApi } from './cart/api.ts';
import type { Carts } from './cart/carts.ts';
import { cartPages } from './cart/pages.ts';
import { catalogApi } from './catalog/api.ts';
import { catalogPages } from './catalog/pages.ts';
import { productFeed } from './catalog/product-feed.ts';
import { checkoutApi } from './checkout/api.ts';
import { describeDelivery } from './checkout/shipping-methods.ts';
import { pictureRoute } from './demo-catalog/picture-route.ts';
import type { Deps } from './deps.ts';
import { floorsRoute } from './edges/floors-route.ts';
import { Refusal } from './errors.ts';
import {
  anyStaff,
  catalogStaff,
  orderReaders,
  orderStaff,
  owners,
  type StaffRole,
} from './identity/staff-roles.ts';
import { readVisitor, requireFreshProof, requireRole } from './identity/visitor.ts';
import { integrationApi } from './integration/api.ts';
import { admitApiKeys, type ScopeOf } from './integration/api-keys.ts';
import { integrationPages } from './integration/pages.ts';
import { webhooksApi } from './integration/webhooks-api.ts';
import { lawRoutes } from './law/pages.ts';
import { addressApi } from './order/address-book/api.ts';
import { addressPages } from './order/address-book/pages.ts';
import { orderApi } from './order/api.ts';
import { invoiceApi } from './order/invoice/invoice-api.ts';
import { orderLifeApi } from './order/life/api.ts';
import { orderPages } from './order/pages.ts';
import type { PaymentProviders } from './order/payment/providers.ts';
import { promotionApi } from './order/quote.ts';
import { withdrawalPages } from './order/withdrawal-pages.ts';
import { ownDataPages } from './privacy/pages.ts';
import { staffApi } from './staff/api.ts';
import { membersApi } from './staff/members-pages.ts';
import { staffOrdersApi } from './staff/orders-api.ts';
import { staffPages } from './staff/pages.ts';
import { salesApi } from './staff/sale-routes.ts';
import { sellingApi } from './staff/selling-api.ts';
import type { Audience } from './web/api/api.ts';
import { describeApi } from './web/api/describe-api.ts';
import { assetRoutes } from './web/assets.ts';
import type { ApiKeyScope, AppEnv } from './web/env.ts';
import { lawPages } from './web/page/layout.ts';
import { seeOther } from './web/page/page-response.ts';
import { isApiPath } from './web/problem.ts';
import {
  allowOtherOrigins,
  checkSameOrigin,
  limitBody,
  observeRequest,
  refuseEncodedBody,
} from './web/request/middleware.ts';
import { sendWrittenPosition } from './web/request/read-your-writes.ts';
import { cspReportRoute } from './web/response-headers.ts';
import { type Health, healthRoutes } from './web/serving/health.ts';
import { createLoadShedding, type LoadBounds } from './web/serving/load-shedding.ts';

/** What caches may do with an answer of 200. Refusals are never cached, except the 404 of a shared route. */
export type CachePolicy =
  /** `private, no-store`. */
  | 'private'
  /** The edge keeps it until a version of one of its tags is raised. Browsers revalidate each time. */
  | 'shared'
  /** Browsers revalidate each time. The answer has no tags. */
  | 'revalidated'
  /** Every cache keeps it for one hour. */
  | 'hour'
  /** Every cache keeps it for one year, because the name changes with the content. */
  | 'immutable';

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  audience: Audience;
  cache: CachePolicy;
  /** The scope that an API key needs, or `people-only`. Every route of the staff's API states it. */
  scope?: ApiKeyScope | 'people-only' | undefined;
  /** Roles that may call a staff route. Absent: owners only. */
  roles?: readonly StaffRole[];
  /** The caller must have shown a second factor or the password lately. */
  asksAnew?: boolean;
}

interface RouteGroup {
  mount(parts: RouteParts, app: OpenAPIHono<AppEnv>): Hono<AppEnv> | OpenAPIHono<AppEnv>;
  /** Paths of middleware that runs before the handlers of this group only. */
  guards?: string[];
  routes: Route[];
}

export interface RouteParts {
  deps: Deps;
  carts: Carts;
  accounts: AccountDeps;
  providers: PaymentProviders;
  health: Health;
}

const maxBodyBytes = 64 * 1024;
/** Room for a long description in percent-encoded letters of three bytes, and the stock of some thousand variants. */
const maxStaffFormBytes = 512 * 1024;

/** Middleware that runs before every route, in this order. */
export function createMiddleware(deps: Deps, loadBounds: LoadBounds): MiddlewareHandler<AppEnv>[] {
  const [usualLimit, staffLimit] = [limitBody(maxBodyBytes), limitBody(maxStaffFormBytes)];
  return [
    observeRequest(deps),
    allowOtherOrigins(deps.settings),
    createLoadShedding(loadBounds),
    sendWrittenPosition(deps.commits, deps.settings),
    async (c, next) => {
      checkSameOrigin(c.req.raw);
      await next();
    },
    refuseEncodedBody,
    (c, next) => (isLong(c.req.path) ? staffLimit : usualLimit)(c, next),
    admitApiKeys(deps, scopeOfRoute),
    checkRole(deps),
  ];
}

/** Holds staff to the roles of this table. The guards of the staff's routes turn away everybody else. */
function checkRole(deps: Deps): MiddlewareHandler<AppEnv> {
  const router = new TrieRouter<Route>();
  for (const route of routeGroups.flatMap(({ routes }) => routes))
    if (route.audience === 'staff') router.add(route.method, route.path, route);
  return async (c, next) => {
    // Programs have scopes instead of roles.
    if (!/^\/(api\/)?staff(\/|$)/.test(c.req.path) || c.get('apiKey') !== undefined) return next();
    const method = c.req.method === 'HEAD' ? 'GET' : c.req.method;
    const route = router.match(method, c.req.path)[0].at(0)?.[0];
    const { account } = route === undefined ? { account: undefined } : await readVisitor(deps, c);
    if (route === undefined || account?.role !== 'staff') return next();
    requireRole(account, route.roles ?? owners);
    if (deps.settings.staffSecondFactor && !account.hasSecondFactor)
      throw new Refusal(
        403,
        'second-factor-missing',
        'Staff of this shop need a second factor: set it up in your account first',
      );
    if (route.asksAnew) {
      try {
        requireFreshProof(account, deps.now());
      } catch (error) {
        if (isApiPath(c.req.path)) throw error;
        const asked = method === 'GET' ? c.req.path + new URL(c.req.url).search : c.req.path;
        return seeOther(`/verify?${new URLSearchParams({ next: asked })}`);
      }
    }
    return next();
  };
}

/** Paths of long bodies: forms of the staff, and the stock of 500 variants with long article numbers. */
function isLong(path: string): boolean {
  return path.startsWith('/staff/') || path === '/api/staff/stock';
}

/** In the order of mounting: where two paths match a request, the earlier one answers it. */
export const routeGroups: RouteGroup[] = [
  {
    mount: ({ health }) => healthRoutes(health),
    routes: [get('/livez', 'everyone', 'private'), get('/readyz', 'everyone', 'private')],
  },
  {
    mount: ({ deps }) => assetRoutes(deps),
    routes: [
      get('/favicon.ico', 'everyone', 'private'),
      get('/manifest.webmanifest', 'everyone', 'hour'),
      get('/assets/:name', 'everyone', 'immutable'),
    ],
  },
  { mount: () => pictureRoute(), routes: [get('/images/:name', 'everyone', 'immutable')] },

  { mount: ({ deps }) => cspReportRoute(deps), routes: [post('/csp-reports', 'everyone')] },
  // Edges alone: the body bears their signature.
  { mount: ({ deps }) => floorsRoute(deps), routes: [post('/.edge/floors', 'everyone')] },

  // The JSON API.
  {
    mount: ({ deps }) => catalogApi(deps),
    routes: [
      get('/api/products', 'everyone', 'shared'),
      get('/api/products/:slug', 'everyone', 'shared'),
      get('/api/categories', 'everyone', 'shared'),
    ],
  },
  {
    mount: ({ deps, carts }) => cartApi(deps, carts),
    routes: [
      get('/api/cart', 'shopper', 'private'),
      post('/api/cart/lines', 'shopper'),
      put('/api/cart/lines/:variantId', 'shopper'),
      remove('/api/cart/lines/:variantId', 'shopper'),
    ],
  },
  {
    mount: ({ accounts }) => accountApi(accounts),
    routes: [
      post('/api/accounts', 'everyone'),
      post('/api/sessions', 'everyone'),
      remove('/api/sessions/current', 'everyone'),
      get('/api/sessions/current', 'account', 'private'),
      get('/api/sessions', 'account', 'private'),
      // A guest gets 404, as for a session that does not exist.
      remove('/api/sessions/:id', 'shopper'),
      get('/api/account', 'account', 'private'),
      patch('/api/account', 'account'),
      remove('/api/account', 'account'),
      put('/api/account/password', 'account'),
      get('/api/account/export', 'account', 'private'),
      post('/api/password-resets', 'everyone'),
      put('/api/password-resets/:token', 'everyone'),
      get('/api/account/second-factor', 'account', 'private'),
      post('/api/account/second-factor', 'account'),
      put('/api/account/second-factor', 'account'),
      post('/api/account/second-factor/removal', 'account'),
      post('/api/account/email-changes', 'account'),
      remove('/api/account/email-changes/current', 'account'),
      post('/api/email-confirmations', 'everyone'),
      post('/api/email-confirmations/undo', 'everyone'),
      post('/api/sessions/current/verification', 'account'),
    ],
  },
  {
    mount: ({ deps }) => addressApi(deps),
    routes: [
      get('/api/account/addresses', 'account', 'private'),
      post('/api/account/addresses', 'account'),
      get('/api/account/addresses/:id', 'account', 'private'),
      put('/api/account/addresses/:id', 'account'),
      remove('/api/account/addresses/:id', 'account'),
    ],
  },
  {
    mount: ({ deps, carts, providers }) => orderApi(deps, carts, providers),
    // This guard refuses an order without an Idempotency-Key.
    guards: ['/api/orders'],
    routes: [
      post('/api/orders', 'shopper'),
      get('/api/checkout-options', 'everyone', 'private'),
      get('/api/orders', 'shopper', 'private'),
      get('/api/orders/:id', 'shopper', 'private'),
      // Only Stripe may call it, which the signature of the body proves.
      post('/api/webhooks/stripe', 'everyone'),
    ],
  },
  {
    mount: ({ deps }) => invoiceApi(deps),
    routes: [
      get('/api/orders/:id/invoice', 'shopper', 'private'),
      get('/api/orders/:id/invoice.xml', 'shopper', 'private'),
      get('/api/orders/:id/refunds/:refund/credit-note', 'shopper', 'private'),
      get('/api/orders/:id/refunds/:refund/credit-note.xml', 'shopper', 'private'),
    ],
  },
  {
    mount: ({ deps, carts }) => promotionApi(deps, carts),
    routes: [post('/api/promotions/preview', 'shopper')],
  },
  {
    mount: ({ deps }) => checkoutApi(deps),
    routes: [get('/api/shipping-methods', 'everyone', 'private')],
  },
  {
    // The right to see the order suffices: account, cookie, or the key of a mail's link.
    mount: ({ deps, carts, providers }) => orderLifeApi(deps, carts, providers),
    routes: [
      post('/api/orders/:id/cancellation', 'shopper'),
      post('/api/orders/:id/returns', 'shopper'),
      post('/api/order-lookups', 'everyone'),
    ],
  },
  {
    mount: ({ deps }) => staffApi(deps),
    // This guard refuses everyone but staff before the request is validated.
    guards: ['/api/staff/*'],
    routes: [
      patch('/api/staff/products/:id', catalogStaff, 'catalog:write'),
      put('/api/staff/variants/:id/stock', catalogStaff, 'stock:write'),
      get('/api/staff/invalidations/:id', anyStaff, 'private', 'catalog:read'),
    ],
  },
  {
    // The guard of the group before protects these routes.
    mount: ({ deps }) => salesApi(deps),
    routes: [
      get('/api/staff/products/:id/sales', anyStaff, 'private', 'catalog:read'),
      post('/api/staff/products/:id/sales', catalogStaff, 'catalog:write'),
      get('/api/staff/products/:id/sales/:sale', anyStaff, 'private', 'catalog:read'),
      patch('/api/staff/products/:id/sales/:sale', catalogStaff, 'catalog:write'),
      remove('/api/staff/products/:id/sales/:sale', catalogStaff, 'catalog:write'),
    ],
  },
  {
    // The same guard protects these routes.
    mount: ({ deps }) => sellingApi(deps),
    routes: [
      get('/api/staff/shipping-methods', anyStaff, 'private', 'selling:read'),
      put('/api/staff/shipping-methods', owners, 'selling:write'),
      get('/api/staff/holidays', anyStaff, 'private', 'selling:read'),
      put('/api/staff/holidays', owners, 'selling:write'),
      get('/api/staff/promotions', anyStaff, 'private', 'selling:read'),
      post('/api/staff/promotions', catalogStaff, 'selling:write'),
      get('/api/staff/promotions/:id', anyStaff, 'private', 'selling:read'),
      patch('/api/staff/promotions/:id', catalogStaff, 'selling:write'),
      remove('/api/staff/promotions/:id', catalogStaff, 'selling:write'),
    ],
  },
  {
    mount: ({ deps }) => membersApi(deps),
    routes: [
      get('/api/staff/members', owners, 'private', 'people-only'),
      asksAnew(post('/api/staff/members', owners, 'people-only')),
      get('/api/staff/members/:id', owners, 'private', 'people-only'),
      asksAnew(patch('/api/staff/members/:id', owners, 'people-only')),
      asksAnew(remove('/api/staff/members/:id', owners, 'people-only')),
      asksAnew(remove('/api/staff/members/:id/sessions', owners, 'people-only')),
    ],
  },
  {
    mount: ({ deps, providers }) => staffOrdersApi(deps, providers),
    routes: [
      get('/api/staff/customers', orderReaders, 'private', 'customers:read'),
      get('/api/staff/customers/:id', orderReaders, 'private', 'customers:read'),
      get('/api/staff/orders', orderReaders, 'private', 'orders:read'),
      get('/api/staff/orders/:id', orderReaders, 'private', 'orders:read'),
      post('/api/staff/orders/:id/shipments', orderStaff, 'orders:write'),
      patch('/api/staff/orders/:id/shipments/:shipment', orderStaff, 'orders:write'),
      post('/api/staff/orders/:id/payments', orderStaff, 'orders:write'),
      post('/api/staff/orders/:id/cancellation', orderStaff, 'orders:write'),
      asksAnew(post('/api/staff/orders/:id/refunds', orderStaff, 'orders:write')),
      post('/api/staff/returns/:id/receipt', orderStaff, 'orders:write'),
      post('/api/staff/returns/:id/refusal', orderStaff, 'orders:write'),
    ],
  },
  {
    // The guard of the staff's API protects these routes.
    mount: ({ deps }) => integrationApi(deps),
    routes: [
      get('/api/staff/api-keys', owners, 'private', 'people-only'),
      asksAnew(post('/api/staff/api-keys', owners, 'people-only')),
      get('/api/staff/api-keys/:id', owners, 'private', 'people-only'),
      remove('/api/staff/api-keys/:id', owners, 'people-only'),
      get('/api/staff/events', orderReaders, 'private', 'events:read'),
      post('/api/staff/stock', catalogStaff, 'stock:write'),
      get('/api/staff/variants', anyStaff, 'private', 'catalog:read'),
    ],
  },
  {
    mount: ({ deps }) => webhooksApi(deps),
    routes: [
      get('/api/staff/webhooks', owners, 'private', 'people-only'),
      asksAnew(post('/api/staff/webhooks', owners, 'people-only')),
      get('/api/staff/webhooks/:id', owners, 'private', 'people-only'),
      patch('/api/staff/webhooks/:id', owners, 'people-only'),
      remove('/api/staff/webhooks/:id', owners, 'people-only'),
      get('/api/staff/webhooks/:id/deliveries', owners, 'private', 'people-only'),
      post('/api/staff/webhooks/:id/replays', owners, 'people-only'),
      post('/api/staff/webhooks/:id/secret', owners, 'people-only'),
      post('/api/staff/webhooks/:id/test', owners, 'people-only'),
    ],
  },
  {
    mount: (_, app) => describeApi(app, scopeOfRoute),
    routes: [
      get('/api/openapi.json', 'everyone', 'revalidated'),
      get('/api/docs', 'everyone', 'revalidated'),
      get('/api/docs/shapes', 'everyone', 'revalidated'),
    ],
  },

  // Pages.
  {
    mount: ({ deps }) =>
      catalogPages(deps, (db) =>
        describeDelivery(db, { nowMs: deps.now(), shopCountry: deps.settings.shopCountry }),
      ),
    routes: [
      get('/robots.txt', 'everyone', 'shared'),
      get('/sitemap.xml', 'everyone', 'shared'),
      get('/sitemaps/pages.xml', 'everyone', 'shared'),
      get('/sitemaps/:part{[1-9][0-9]{0,5}\\.xml}', 'everyone', 'shared'),
      get('/', 'everyone', 'shared'),
      get('/p/:slug', 'everyone', 'shared'),
      get('/c/:category', 'everyone', 'shared'),
      get('/search', 'everyone', 'shared'),
    ],
  },
  {
    mount: ({ deps }) => productFeed(deps),
    routes: [get('/feeds/products.xml', 'everyone', 'shared')],
  },
  {
    mount: ({ deps }) => lawRoutes(deps),
    routes: lawPages.map(({ path }) => get(path, 'everyone', 'shared')),
  },
  {
    mount: ({ deps, carts }) => cartPages(deps, carts),
    routes: [get('/cart', 'shopper', 'private'), post('/cart', 'shopper')],
  },
  { mount: ({ deps }) => ownDataPages(deps), routes: [get('/account/data', 'account', 'private')] },
  {
    mount: ({ accounts }) => accountPages(accounts),
    routes: [
      get('/account', 'account', 'private'),
      post('/account', 'account'),
      get('/confirm-email', 'shopper', 'private'),
      post('/confirm-email', 'shopper'),
      get('/keep-email', 'shopper', 'private'),
      post('/keep-email', 'shopper'),
      get('/account/second-factor', 'account', 'private'),
      post('/account/second-factor', 'account'),
      get('/verify', 'account', 'private'),
      post('/verify', 'account'),
      get('/forgot-password', 'shopper', 'private'),
      post('/forgot-password', 'shopper'),
      get('/reset-password', 'shopper', 'private'),
      post('/reset-password', 'shopper'),
      get('/sign-in', 'shopper', 'private'),
      post('/sign-in', 'shopper'),
      get('/sign-up', 'shopper', 'private'),
      post('/sign-up', 'shopper'),
    ],
  },
  {
    mount: ({ deps }) => addressPages(deps),
    routes: [get('/account/addresses', 'account', 'private'), post('/account/addresses', 'account')],
  },
  {
    mount: ({ deps, carts, providers }) => orderPages(deps, carts, providers),
    routes: [
      get('/checkout', 'shopper', 'private'),
      post('/checkout', 'shopper'),
      // The key of the link in the order's mail also opens it.
      get('/orders/:id', 'shopper', 'private'),
      post('/orders/:id', 'shopper'),
      get('/find-order', 'shopper', 'private'),
      post('/find-order', 'shopper'),
      post('/orders/:id/again', 'shopper'),
    ],
  },
  {
    // Everyone who bought may use it, signed in or not.
    mount: ({ deps }) => withdrawalPages(deps),
    routes: [get('/withdrawal', 'shopper', 'private'), post('/withdrawal', 'shopper')],
  },
  {
    mount: ({ deps, providers }) => staffPages(deps, providers),
    // This guard redirects guests to /sign-in and refuses shoppers.
    guards: ['/staff', '/staff/*'],
    routes: [
      get('/staff/payments', orderReaders, 'private'),
      post('/staff/payments/:order', orderStaff),
      get('/staff/promotions', anyStaff, 'private'),
      post('/staff/promotions', catalogStaff),
      get('/staff/promotions/:id', anyStaff, 'private'),
      post('/staff/promotions/:id', catalogStaff),
      get('/staff/mails', anyStaff, 'private'),
      get('/staff/mails/:template', anyStaff, 'private'),
      get('/staff/mails/:template/html', anyStaff, 'private'),
      get('/staff/delivery', anyStaff, 'private'),
      post('/staff/delivery', owners),
      get('/staff/orders', orderReaders, 'private'),
      get('/staff/orders/:id', orderReaders, 'private'),
      get('/staff/orders/:id/documents/:name', orderReaders, 'private'),
      get('/staff/orders/:id/packing-slip', orderReaders, 'private'),
      get('/staff/to-ship', orderReaders, 'private'),
      get('/staff/to-ship/pick-list', orderReaders, 'private'),
      get('/staff/reports', orderReaders, 'private'),
      asksAnew(get('/staff/reports/sales.csv', orderReaders, 'private')),
      get('/staff/reports/sales.svg', orderReaders, 'private'),
      asksAnew(get('/staff/reports/vat.csv', orderReaders, 'private')),
      post('/staff/orders/:id', orderStaff),
      get('/staff/returns', orderReaders, 'private'),
      get('/staff/customers', orderReaders, 'private'),
      get('/staff/customers/:id', orderReaders, 'private'),
      get('/staff/members', owners, 'private'),
      asksAnew(post('/staff/members', owners)),
      get('/staff', anyStaff, 'private'),
      get('/staff/products/:id', anyStaff, 'private'),
      post('/staff/products/:id', catalogStaff),
      post('/staff/products/:id/sales', catalogStaff),
    ],
  },
  {
    // The guard of the group before protects these routes.
    mount: ({ deps }) => integrationPages(deps),
    routes: [
      get('/staff/integrations', owners, 'private'),
      asksAnew(post('/staff/integrations', owners)),
      get('/staff/integrations/webhooks/:id', owners, 'private'),
      post('/staff/integrations/webhooks/:id', owners),
    ],
  },
];

/** Finds the scope by method and path of a request. Knows only routes of the staff's API. */
export const scopeOfRoute: ScopeOf = (() => {
  let router: TrieRouter<Route> | undefined;
  return (method, path) => {
    if (router === undefined) {
      router = new TrieRouter<Route>();
      for (const route of routeGroups.flatMap((group) => group.routes))
        if (route.path.startsWith('/api/staff/')) router.add(route.method, route.path, route);
    }
    return router.match(method === 'HEAD' ? 'GET' : method, path)[0][0]?.[0].scope;
  };
})();

/**
 * Mounts every group. The table cannot be wrong, because the groups' routes and guards are compared with it.
 * @throws Error where a group registers other routes or guards than the table states
 */
export function mountRoutes(app: OpenAPIHono<AppEnv>, parts: RouteParts, groups = routeGroups): void {
  for (const { mount, guards = [], routes } of groups) {
    const already = app.routes.length;
    app.route('/', mount(parts, app));
    // Validators of a route are registered under its method and path as well.
    const mounted = new Set(app.routes.slice(already).map(({ method, path }) => `${method} ${path}`));
    const listed = new Set([
      ...guards.map((path) => `ALL ${path}`),
      ...routes.map(({ method, path }) => `${method} ${path}`),
    ]);
    const differing = [
      ...[...mounted].filter((one) => !listed.has(one)),
      ...[...listed].filter((one) => !mounted.has(one)),
    ];
    if (differing.length > 0)
      throw new Error(`origin/routes.ts and the mounted routes differ in ${differing.join(', ')}`);
    const open = routes.find(({ path, scope }) => path.startsWith('/api/staff/') !== (scope !== undefined));
    if (open !== undefined) throw new Error(`origin/routes.ts has to name the scope of ${open.path}`);
  }
}

/** A list of roles means staff with one of these. */
type Caller = Audience | readonly StaffRole[];

function get(path: string, caller: Caller, cache: CachePolicy, scope?: Route['scope']): Route {
  return { method: 'GET', path, cache, scope, ...toAudience(caller) };
}

function post(path: string, caller: Caller, scope?: Route['scope']): Route {
  return { method: 'POST', path, cache: 'private', scope, ...toAudience(caller) };
}

function put(path: string, caller: Caller, scope?: Route['scope']): Route {
  return { method: 'PUT', path, cache: 'private', scope, ...toAudience(caller) };
}

function patch(path: string, caller: Caller, scope?: Route['scope']): Route {
  return { method: 'PATCH', path, cache: 'private', scope, ...toAudience(caller) };
}

function remove(path: string, caller: Caller, scope?: Route['scope']): Route {
  return { method: 'DELETE', path, cache: 'private', scope, ...toAudience(caller) };
}

function asksAnew(route: Route): Route {
  return { ...route, asksAnew: true };
}

function toAudience(caller: Caller): Pick<Route, 'audience' | 'roles'> {
  return typeof caller === 'string' ? { audience: caller } : { audience: 'staff', roles: caller };
}
