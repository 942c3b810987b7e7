// Walks the table of routes: checks each route's answer and caching for every kind of caller, twice.
import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { placeholderName } from '../../origin/catalog/product.ts';
import type { StaffRole } from '../../origin/identity/staff-roles.ts';
import {
  type CachePolicy,
  mountRoutes,
  type Route,
  type RouteParts,
  routeGroups,
} from '../../origin/routes.ts';
import { assetUrl } from '../../origin/web/assets.ts';
import type { AppEnv } from '../../origin/web/env.ts';
import { anOrder, type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

const routes = routeGroups.flatMap((group) => group.routes);
const askers = ['nobody', 'stranger', 'owner', 'staff'] as const;
type Asker = (typeof askers)[number];

/** A status, or a status with the redirect's target: `303 /sign-in`. Ids are written `:id`. */
type Outcome = number | string;
/** One outcome for all callers, or the outcomes of nobody, another shopper, the owner and staff. */
type Outcomes = Outcome | [nobody: Outcome, stranger: Outcome, owner: Outcome, staff: Outcome];

interface Sample {
  /** The path with its parameters filled in. */
  at?: (world: World) => string;
  json?: (world: World) => unknown;
  form?: (world: World) => Record<string, string>;
  first: Outcomes;
  /** Outcome of the same request with the same key; the first outcome where it is left out. */
  second?: Outcomes;
}

/** What the owner has, and the browsers of the callers. */
interface World {
  browsers: Record<Asker, Browser>;
  /** Differs between callers, so that no two of them sign up with the same address. */
  newEmail: string;
  ownerEmail: string;
  order: string;
  /** The owner's account. */
  customer: string;
  otherSession: string;
  variant: string;
  product: string;
  category: string;
  invalidation: string;
  promotion: string;
  sale: string;
  code: string;
  apiKey: string;
  webhook: string;
  address: string;
}

const password = 'a-password-of-tests';
const address = { name: 'B. Uyer', line1: '1 Long Lane', city: 'Dublin', postalCode: 'D01', country: 'IE' };
const aMethod = {
  id: 'standard',
  name: 'Standard',
  countries: ['IE'],
  price: { amount: 0, currency: 'EUR' },
  days: { min: 2, max: 5 },
};
const aSale = (year: string) => ({
  price: { amount: 100, currency: 'EUR' },
  startsAt: `${year}-01-01T00:00:00Z`,
  endsAt: `${year}-02-01T00:00:00Z`,
});
const signedInOnly: Outcomes = [401, 200, 200, 200];
const staffOnly: Outcomes = [401, 403, 403, 200];
const staffPage: Outcomes = ['303 /sign-in', 403, 403, 200];

const samples: Record<string, Sample> = {
  'GET /livez': { first: 200 },
  'GET /readyz': { first: 200 },
  'GET /favicon.ico': { first: `301 ${assetUrl('favicon.svg')}` },
  'GET /manifest.webmanifest': { first: 200 },
  'GET /assets/:name': { at: () => assetUrl('shop.css'), first: 200 },
  'GET /images/:name': { at: () => `/images/${placeholderName}`, first: 200 },

  'GET /api/products': { first: 200 },
  'GET /api/products/:slug': { at: () => '/api/products/plain-tee', first: 200 },
  'GET /api/categories': { first: 200 },
  'GET /api/cart': { first: 200 },
  'POST /api/cart/lines': { json: ({ variant }) => ({ variantId: variant, quantity: 1 }), first: 200 },
  'PUT /api/cart/lines/:variantId': {
    at: ({ variant }) => `/api/cart/lines/${variant}`,
    json: () => ({ quantity: 2 }),
    first: 200,
  },
  'DELETE /api/cart/lines/:variantId': { at: ({ variant }) => `/api/cart/lines/${variant}`, first: 200 },
  // Keys belong to a cart or an account, and nobody has neither. The second answer is that the address is taken.
  'POST /api/accounts': {
    json: ({ newEmail }) => ({ email: newEmail, password, name: 'New' }),
    first: 201,
    second: [409, 201, 201, 201],
  },
  'POST /api/sessions': { json: ({ ownerEmail }) => ({ email: ownerEmail, password }), first: 201 },
  'DELETE /api/sessions/current': { first: 204 },
  'GET /api/sessions/current': { first: signedInOnly },
  'GET /api/sessions': { first: signedInOnly },
  'DELETE /api/sessions/:id': {
    at: ({ otherSession }) => `/api/sessions/${otherSession}`,
    first: [404, 404, 204, 404],
  },
  'GET /api/account': { first: signedInOnly },
  'PATCH /api/account': { json: () => ({ name: 'Other Name' }), first: signedInOnly },
  'DELETE /api/account': { first: [401, 204, 204, 204] },
  'PUT /api/account/password': {
    json: () => ({ currentPassword: password, newPassword: 'another-password' }),
    first: [401, 204, 204, 204],
  },
  'GET /api/account/export': { first: signedInOnly },
  'GET /api/account/addresses': { first: signedInOnly },
  'POST /api/account/addresses': { json: () => address, first: [401, 201, 201, 201] },
  'GET /api/account/addresses/:id': {
    at: ({ address: id }) => `/api/account/addresses/${id}`,
    first: [401, 404, 200, 404],
  },
  'PUT /api/account/addresses/:id': {
    at: ({ address: id }) => `/api/account/addresses/${id}`,
    json: () => address,
    first: [401, 404, 200, 404],
  },
  'DELETE /api/account/addresses/:id': {
    at: ({ address: id }) => `/api/account/addresses/${id}`,
    first: [401, 404, 204, 404],
  },
  'GET /api/account/second-factor': { first: signedInOnly },
  'POST /api/account/second-factor': { json: () => ({ password }), first: [401, 201, 201, 201] },
  'PUT /api/account/second-factor': { json: () => ({ code: '000000' }), first: [401, 403, 403, 403] },
  'POST /api/account/second-factor/removal': {
    json: () => ({ code: '000000' }),
    first: [401, 403, 403, 403],
  },
  'POST /api/sessions/current/verification': {
    json: () => ({ code: '000000' }),
    first: [401, 403, 403, 403],
  },
  'POST /api/account/email-changes': {
    json: ({ newEmail }) => ({ email: newEmail, password }),
    first: [401, 202, 202, 202],
  },
  'DELETE /api/account/email-changes/current': { first: [401, 204, 204, 204] },
  'POST /api/email-confirmations': { json: () => ({ token: 'not-a-token' }), first: 404 },
  'POST /api/email-confirmations/undo': { json: () => ({ token: 'not-a-token', password }), first: 404 },
  'POST /api/password-resets': { json: ({ ownerEmail }) => ({ email: ownerEmail }), first: 202 },
  'PUT /api/password-resets/:token': {
    at: () => '/api/password-resets/not-a-token',
    json: () => ({ password }),
    first: 404,
  },
  'POST /api/orders': { json: () => anOrder, first: [409, 409, 201, 409] },
  'GET /api/checkout-options': { first: 200 },
  'GET /api/orders': { first: 200 },
  'GET /api/orders/:id': { at: ({ order }) => `/api/orders/${order}`, first: [404, 404, 200, 404] },
  'GET /api/orders/:id/invoice': {
    at: ({ order }) => `/api/orders/${order}/invoice`,
    first: [404, 404, 200, 404],
  },
  // E-invoices need a seller, whom tests do not have. The order has no refund yet.
  'GET /api/orders/:id/invoice.xml': {
    at: ({ order }) => `/api/orders/${order}/invoice.xml`,
    first: [404, 404, 409, 404],
  },
  'GET /api/orders/:id/refunds/:refund/credit-note': {
    at: ({ order }) => `/api/orders/${order}/refunds/999999/credit-note`,
    first: 404,
  },
  'GET /api/orders/:id/refunds/:refund/credit-note.xml': {
    at: ({ order }) => `/api/orders/${order}/refunds/999999/credit-note.xml`,
    first: 404,
  },
  'POST /api/promotions/preview': {
    json: ({ code }) => ({ code, country: 'IE' }),
    first: [409, 409, 200, 409],
  },
  'GET /api/shipping-methods': { at: () => '/api/shipping-methods?country=IE', first: 200 },
  'POST /api/orders/:id/cancellation': {
    at: ({ order }) => `/api/orders/${order}/cancellation`,
    json: () => ({ reason: 'Ordered twice' }),
    first: [404, 404, 200, 404],
  },
  // No piece was shipped yet.
  'POST /api/orders/:id/returns': {
    at: ({ order }) => `/api/orders/${order}/returns`,
    json: ({ variant }) => ({ lines: [{ variantId: variant, quantity: 1 }] }),
    first: [404, 404, 409, 404],
  },
  'POST /api/order-lookups': {
    json: ({ ownerEmail }) => ({ number: 'MC-00000-00000', email: ownerEmail }),
    first: 202,
  },
  'POST /api/webhooks/stripe': { json: () => ({}), first: 404 },
  'PATCH /api/staff/products/:id': {
    at: ({ product }) => `/api/staff/products/${product}`,
    json: () => ({ name: 'Plain tee' }),
    first: staffOnly,
  },
  'GET /api/staff/products/:id/sales': {
    at: ({ product }) => `/api/staff/products/${product}/sales`,
    first: staffOnly,
  },
  'POST /api/staff/products/:id/sales': {
    at: ({ product }) => `/api/staff/products/${product}/sales`,
    json: () => aSale('2098'),
    first: [401, 403, 403, 201],
  },
  'GET /api/staff/products/:id/sales/:sale': {
    at: ({ product, sale }) => `/api/staff/products/${product}/sales/${sale}`,
    first: staffOnly,
  },
  'PATCH /api/staff/products/:id/sales/:sale': {
    at: ({ product, sale }) => `/api/staff/products/${product}/sales/${sale}`,
    json: () => ({ endsAt: null }),
    first: staffOnly,
  },
  'DELETE /api/staff/products/:id/sales/:sale': {
    at: ({ product, sale }) => `/api/staff/products/${product}/sales/${sale}`,
    first: staffOnly,
  },
  'PUT /api/staff/variants/:id/stock': {
    at: ({ variant }) => `/api/staff/variants/${variant}/stock`,
    json: () => ({ stock: 500 }),
    first: staffOnly,
  },
  'GET /api/staff/invalidations/:id': {
    at: ({ invalidation }) => `/api/staff/invalidations/${invalidation}`,
    first: staffOnly,
  },
  'GET /api/staff/shipping-methods': { first: staffOnly },
  'GET /api/staff/holidays': { first: staffOnly },
  'PUT /api/staff/holidays': { json: () => ({ items: [{ day: '12-25' }] }), first: staffOnly },
  'PUT /api/staff/shipping-methods': { json: () => ({ items: [aMethod] }), first: staffOnly },
  'GET /api/staff/customers': { first: staffOnly },
  'GET /api/staff/customers/:id': {
    at: ({ customer }) => `/api/staff/customers/${customer}`,
    first: staffOnly,
  },
  'GET /api/staff/orders': { first: staffOnly },
  'GET /api/staff/orders/:id': { at: ({ order }) => `/api/staff/orders/${order}`, first: staffOnly },
  'POST /api/staff/orders/:id/shipments': {
    at: ({ order }) => `/api/staff/orders/${order}/shipments`,
    json: () => ({ carrier: 'DHL' }),
    first: [401, 403, 403, 201],
  },
  'PATCH /api/staff/orders/:id/shipments/:shipment': {
    at: ({ order }) => `/api/staff/orders/${order}/shipments/999999`,
    json: () => ({ deliveredAt: '2026-11-30T10:00:00Z' }),
    first: [401, 403, 403, 404],
  },
  // The order is not paid at the door.
  'POST /api/staff/orders/:id/payments': {
    at: ({ order }) => `/api/staff/orders/${order}/payments`,
    json: () => ({ amount: { amount: 1, currency: 'EUR' } }),
    first: [401, 403, 403, 409],
  },
  'POST /api/staff/orders/:id/cancellation': {
    at: ({ order }) => `/api/staff/orders/${order}/cancellation`,
    json: () => ({ reason: 'Asked by phone' }),
    first: staffOnly,
  },
  'POST /api/staff/orders/:id/refunds': {
    at: ({ order }) => `/api/staff/orders/${order}/refunds`,
    json: () => ({ amount: { amount: 1, currency: 'EUR' }, reason: 'A seam was open' }),
    first: [401, 403, 403, 201],
  },
  'POST /api/staff/returns/:id/receipt': {
    at: () => '/api/staff/returns/999999/receipt',
    json: ({ variant }) => ({ lines: [{ variantId: variant, quantity: 1, restock: true }] }),
    first: [401, 403, 403, 404],
  },
  'POST /api/staff/returns/:id/refusal': {
    at: () => '/api/staff/returns/999999/refusal',
    json: () => ({ reason: 'It was worn' }),
    first: [401, 403, 403, 404],
  },
  'GET /api/staff/promotions': { first: staffOnly },
  'POST /api/staff/promotions': {
    json: () => ({ code: randomUUID(), kind: 'percent', value: 10 }),
    first: [401, 403, 403, 201],
  },
  'GET /api/staff/promotions/:id': {
    at: ({ promotion }) => `/api/staff/promotions/${promotion}`,
    first: staffOnly,
  },
  'PATCH /api/staff/promotions/:id': {
    at: ({ promotion }) => `/api/staff/promotions/${promotion}`,
    json: () => ({ uses: 3 }),
    first: staffOnly,
  },
  'DELETE /api/staff/promotions/:id': {
    at: ({ promotion }) => `/api/staff/promotions/${promotion}`,
    first: [401, 403, 403, 204],
  },
  'GET /api/staff/api-keys': { first: staffOnly },
  'POST /api/staff/api-keys': {
    json: () => ({ name: 'Warehouse', scopes: ['orders:read'] }),
    first: [401, 403, 403, 201],
  },
  'GET /api/staff/api-keys/:id': { at: ({ apiKey }) => `/api/staff/api-keys/${apiKey}`, first: staffOnly },
  'DELETE /api/staff/api-keys/:id': {
    at: ({ apiKey }) => `/api/staff/api-keys/${apiKey}`,
    first: [401, 403, 403, 204],
  },
  'GET /api/staff/events': { first: staffOnly },
  'GET /api/staff/members': { first: staffOnly },
  'POST /api/staff/members': {
    json: ({ ownerEmail }) => ({ email: ownerEmail, role: 'viewer' }),
    first: [401, 403, 403, 201],
  },
  'GET /api/staff/members/:id': {
    at: ({ customer }) => `/api/staff/members/${customer}`,
    first: [401, 403, 403, 404],
  },
  'PATCH /api/staff/members/:id': {
    at: ({ customer }) => `/api/staff/members/${customer}`,
    json: () => ({ role: 'viewer' }),
    first: [401, 403, 403, 404],
  },
  'DELETE /api/staff/members/:id': {
    at: ({ customer }) => `/api/staff/members/${customer}`,
    first: [401, 403, 403, 404],
  },
  'DELETE /api/staff/members/:id/sessions': {
    at: ({ customer }) => `/api/staff/members/${customer}/sessions`,
    first: [401, 403, 403, 404],
  },
  'POST /api/staff/stock': { json: () => ({ changes: [{ sku: 'none', set: 1 }] }), first: staffOnly },
  'GET /api/staff/variants': { at: () => '/api/staff/variants?sku=none', first: staffOnly },
  'GET /api/staff/webhooks': { first: staffOnly },
  'POST /api/staff/webhooks': {
    json: () => ({ url: 'https://erp.example/hooks' }),
    first: [401, 403, 403, 201],
  },
  'GET /api/staff/webhooks/:id': { at: ({ webhook }) => `/api/staff/webhooks/${webhook}`, first: staffOnly },
  'PATCH /api/staff/webhooks/:id': {
    at: ({ webhook }) => `/api/staff/webhooks/${webhook}`,
    json: () => ({ state: 'paused' }),
    first: staffOnly,
  },
  'DELETE /api/staff/webhooks/:id': {
    at: ({ webhook }) => `/api/staff/webhooks/${webhook}`,
    first: [401, 403, 403, 204],
  },
  'GET /api/staff/webhooks/:id/deliveries': {
    at: ({ webhook }) => `/api/staff/webhooks/${webhook}/deliveries`,
    first: staffOnly,
  },
  'POST /api/staff/webhooks/:id/secret': {
    at: ({ webhook }) => `/api/staff/webhooks/${webhook}/secret`,
    json: () => ({ overlapHours: 1 }),
    first: [401, 403, 403, 201],
  },
  'POST /api/staff/webhooks/:id/test': {
    at: ({ webhook }) => `/api/staff/webhooks/${webhook}/test`,
    first: [401, 403, 403, 200],
  },
  'POST /api/staff/webhooks/:id/replays': {
    at: ({ webhook }) => `/api/staff/webhooks/${webhook}/replays`,
    json: () => ({}),
    first: [401, 403, 403, 202],
  },
  'GET /api/openapi.json': { first: 200 },
  'GET /api/docs': { first: 200 },
  'GET /api/docs/shapes': { first: 200 },

  'GET /robots.txt': { first: 200 },
  'GET /sitemap.xml': { first: 200 },
  'GET /sitemaps/pages.xml': { first: 200 },
  'GET /sitemaps/:part{[1-9][0-9]{0,5}\\.xml}': { at: () => '/sitemaps/1.xml', first: 200 },
  'GET /': { first: 200 },
  'GET /p/:slug': { at: () => '/p/plain-tee', first: 200 },
  'GET /c/:category': { at: ({ category }) => `/c/${category}`, first: 200 },
  'GET /feeds/products.xml': { first: 200 },
  'GET /search': { at: () => '/search?q=tee', first: 200 },
  'GET /delivery': { first: 200 },
  'GET /returns': { first: 200 },
  'GET /contact': { first: 200 },
  'GET /terms': { first: 200 },
  'GET /privacy': { first: 200 },
  'GET /imprint': { first: 200 },
  'GET /cart': { first: 200 },
  'POST /cart': {
    form: ({ variant }) => ({ variantId: variant, kind: 'add', quantity: '1' }),
    first: '303 /cart',
  },
  'GET /account': { first: ['303 /sign-in', 200, 200, 200] },
  'POST /account': {
    form: () => ({ do: 'rename', name: 'Other Name' }),
    first: ['303 /sign-in', '303 /account', '303 /account', '303 /account'],
  },
  'GET /account/addresses': { first: ['303 /sign-in', 200, 200, 200] },
  'POST /account/addresses': {
    form: () => ({ do: 'add', ...address }),
    first: ['303 /sign-in', '303 /account/addresses', '303 /account/addresses', '303 /account/addresses'],
  },
  'GET /account/data': { first: ['303 /sign-in', 200, 200, 200] },
  'GET /account/second-factor': { first: ['303 /sign-in', 200, 200, 200] },
  'POST /account/second-factor': {
    form: () => ({ do: 'begin', password }),
    first: [
      '303 /sign-in',
      '303 /account/second-factor',
      '303 /account/second-factor',
      '303 /account/second-factor',
    ],
  },
  'GET /verify': { first: ['303 /sign-in', 200, 200, 200] },
  'POST /verify': { form: () => ({ code: '000000' }), first: ['303 /sign-in', 403, 403, 403] },
  'POST /csp-reports': { json: () => ({}), first: 204 },
  'POST /.edge/floors': { json: () => ({}), first: 401 },
  'GET /confirm-email': { first: 200 },
  'POST /confirm-email': { form: () => ({ token: 'not-a-token' }), first: 404 },
  'GET /keep-email': { first: 200 },
  'POST /keep-email': { form: () => ({ token: 'not-a-token', password }), first: 404 },
  'GET /forgot-password': { first: 200 },
  'POST /forgot-password': {
    form: ({ ownerEmail }) => ({ email: ownerEmail }),
    first: '303 /forgot-password',
  },
  'GET /reset-password': { at: () => '/reset-password?token=not-a-token', first: 200 },
  'POST /reset-password': { form: () => ({ token: 'not-a-token', password }), first: 404 },
  'GET /sign-in': { first: [200, '303 /account', '303 /account', '303 /account'] },
  'POST /sign-in': { form: ({ ownerEmail }) => ({ email: ownerEmail, password }), first: '303 /account' },
  'GET /sign-up': { first: [200, '303 /account', '303 /account', '303 /account'] },
  'POST /sign-up': {
    form: ({ newEmail }) => ({ email: newEmail, password, name: 'New' }),
    first: '303 /account',
    second: [409, '303 /account', '303 /account', '303 /account'],
  },
  'GET /checkout': { first: ['303 /cart', '303 /cart', 200, '303 /cart'] },
  'POST /checkout': {
    form: () => ({ ...address, email: 'buyer@example.com', payment: 'demo:paid' }),
    first: ['303 /cart', '303 /cart', '303 /orders/:id', '303 /cart'],
  },
  'GET /orders/:id': { at: ({ order }) => `/orders/${order}`, first: [404, 404, 200, 404] },
  'POST /orders/:id': {
    at: ({ order }) => `/orders/${order}`,
    form: () => ({ do: 'cancel' }),
    first: [404, 404, '303 /orders/:id', 404],
  },
  'GET /find-order': { first: 200 },
  'POST /find-order': {
    form: ({ ownerEmail }) => ({ number: 'MC-00000-00000', email: ownerEmail }),
    first: '303 /find-order',
  },
  'POST /orders/:id/again': {
    at: ({ order }) => `/orders/${order}/again`,
    form: () => ({}),
    first: [404, 404, '303 /orders/:id', 404],
  },
  'POST /staff/products/:id/sales': {
    at: ({ product }) => `/staff/products/${product}/sales`,
    form: () => ({ salePrice: '1.00', startsAt: '2097-01-01 00:00', endsAt: '2097-02-01 00:00' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/products/:id'],
  },
  'GET /staff/payments': { first: staffPage },
  'POST /staff/payments/:order': {
    at: ({ order }) => `/staff/payments/${order}`,
    form: () => ({ deed: 'ask' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/payments'],
  },
  'GET /staff/promotions': { first: staffPage },
  'POST /staff/promotions': {
    form: () => ({ code: randomUUID(), kind: 'percent', value: '10' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/promotions'],
  },
  'GET /staff/promotions/:id': {
    at: ({ promotion }) => `/staff/promotions/${promotion}`,
    first: staffPage,
  },
  'POST /staff/promotions/:id': {
    at: ({ promotion }) => `/staff/promotions/${promotion}`,
    form: ({ code }) => ({ code, kind: 'percent', value: '20' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/promotions'],
  },
  'GET /staff/mails': { first: staffPage },
  'GET /staff/mails/:template': { at: () => '/staff/mails/order-shipped', first: staffPage },
  'GET /staff/mails/:template/html': { at: () => '/staff/mails/order-shipped/html', first: staffPage },
  'GET /staff/delivery': { first: staffPage },
  'POST /staff/delivery': {
    form: () => ({ 'name-0': 'Standard', 'countries-0': 'IE', 'price-0': '0', 'min-0': '2', 'max-0': '5' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/delivery'],
  },
  'GET /staff/orders': { first: staffPage },
  'GET /staff/orders/:id/documents/:name': {
    at: ({ order }) => `/staff/orders/${order}/documents/invoice.pdf`,
    first: staffPage,
  },
  'GET /withdrawal': { first: 200 },
  'POST /withdrawal': {
    form: () => ({ name: 'A. Buyer', email: 'a@example.com', order: 'MC-00000-00000', pieces: '' }),
    first: '303 /withdrawal',
  },
  'GET /staff/orders/:id/packing-slip': {
    at: ({ order }) => `/staff/orders/${order}/packing-slip`,
    first: staffPage,
  },
  'GET /staff/to-ship': { first: staffPage },
  'GET /staff/to-ship/pick-list': { first: staffPage },
  'GET /staff/reports': { first: staffPage },
  'GET /staff/reports/sales.csv': { first: staffPage },
  'GET /staff/reports/sales.svg': { first: staffPage },
  'GET /staff/reports/vat.csv': { first: staffPage },
  'GET /staff/orders/:id': { at: ({ order }) => `/staff/orders/${order}`, first: staffPage },
  'POST /staff/orders/:id': {
    at: ({ order }) => `/staff/orders/${order}`,
    form: () => ({ deed: 'cancel', 'cancel-reason': 'Asked by phone' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/orders/:id'],
  },
  'GET /staff/returns': { first: staffPage },
  'GET /staff/customers': { first: staffPage },
  'GET /staff/customers/:id': { at: ({ customer }) => `/staff/customers/${customer}`, first: staffPage },
  'GET /staff/members': { first: staffPage },
  'POST /staff/members': {
    form: ({ ownerEmail }) => ({ email: ownerEmail, role: 'viewer' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/members'],
  },
  'GET /staff/integrations': { first: staffPage },
  'POST /staff/integrations': {
    form: () => ({ deed: 'create-key', name: 'ERP', 'scopes-orders:read': 'yes' }),
    first: ['303 /sign-in', 403, 403, 200],
  },
  'GET /staff/integrations/webhooks/:id': {
    at: ({ webhook }) => `/staff/integrations/webhooks/${webhook}`,
    first: staffPage,
  },
  'POST /staff/integrations/webhooks/:id': {
    at: ({ webhook }) => `/staff/integrations/webhooks/${webhook}`,
    form: () => ({ deed: 'pause' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/integrations/webhooks/:id'],
  },
  'GET /staff': { first: staffPage },
  'GET /staff/products/:id': { at: ({ product }) => `/staff/products/${product}`, first: staffPage },
  'POST /staff/products/:id': {
    at: ({ product }) => `/staff/products/${product}`,
    form: () => ({ name: 'Plain tee' }),
    first: ['303 /sign-in', 403, 403, '303 /staff/products/:id'],
  },
};

const cacheControl: Record<CachePolicy, string> = {
  private: 'private, no-store',
  shared: 'public, max-age=0, must-revalidate',
  revalidated: 'public, max-age=0, must-revalidate',
  hour: 'public, max-age=3600',
  immutable: 'public, max-age=31536000, immutable',
};

let shop: Shop;
let forReads: World | undefined;

beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  await (await openStaff()).put(`/api/staff/variants/${shop.variants[0]!.id}/stock`, { stock: 1_000 });
  forReads = await openWorld();
});
afterAll(() => shop[Symbol.asyncDispose]());

describe('the table of routes', () => {
  test('has a sample of each of its routes here, and no route twice', () => {
    const names = routes.map(nameOf);
    expect(new Set(names).size).toBe(names.length);
    expect(Object.keys(samples).sort()).toEqual(names.sort());
  });

  test('lists exactly the routes of the app', () => {
    const mounted = shop.app.routes.map(nameOf).filter((name) => !name.startsWith('ALL '));
    expect([...new Set(mounted)].sort()).toEqual(routes.map(nameOf).sort());
  });

  test('lists exactly the guards of the app', () => {
    const guards = shop.app.routes.filter(({ method, path }) => method === 'ALL' && path !== '/*');
    expect(guards.map(({ path }) => path)).toEqual(routeGroups.flatMap((group) => group.guards ?? []));
  });

  test('names the audience that the OpenAPI document describes', async () => {
    const { body: document } = await shop.browser().get('/api/openapi.json');
    const described = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
      Object.entries<Json>(item).map(([method, operation]) => {
        const name = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
        return [name, audienceOf(operation)];
      }),
    );
    // The document does not describe its own addresses.
    const listed = routes.filter(({ path, cache }) => path.startsWith('/api/') && cache !== 'revalidated');
    expect(Object.fromEntries(described)).toEqual(
      Object.fromEntries(listed.map((route) => [nameOf(route), route.audience])),
    );
  });

  test('lets caches keep only what is the same for everyone', () => {
    const kept = routes.filter(({ cache }) => cache !== 'private');
    expect(kept.filter(({ audience, method }) => audience !== 'everyone' || method !== 'GET')).toEqual([]);
  });

  const nothing = {} as RouteParts;
  const listed: Route = { method: 'GET', path: '/listed', audience: 'everyone', cache: 'private' };
  test.each([
    ['a route that it does not list', new Hono<AppEnv>().get('/listed', answerOk).get('/other', answerOk)],
    ['a guard that it does not list', new Hono<AppEnv>().use('/listed', answerOk).get('/listed', answerOk)],
    ['nothing of what it lists', new Hono<AppEnv>()],
  ])('refuses to mount a group that registers %s', (_, group) => {
    const groups = [{ mount: () => group, routes: [listed] }];
    expect(() => mountRoutes(new OpenAPIHono<AppEnv>(), nothing, groups)).toThrow(
      'the mounted routes differ',
    );
  });
});

describe('each route, asked twice by nobody, another shopper, the owner and staff', () => {
  test.each(routes.map((route) => [nameOf(route), route] as const))(
    '%s answers each of them as it should and lets caches keep what the table says',
    async (name, route) => {
      const sample = samples[name]!;
      const world = route.method === 'GET' ? forReads! : await openWorld();
      const bodies = new Set<string>();
      for (const asker of askers) {
        const ask = prepareRequest(route, sample, { ...world, newEmail: newEmail() }, asker);
        const expected = outcomeOf(sample.first, asker);
        const first = await ask();
        expect([asker, describeAnswer(first)]).toEqual([asker, expected]);
        expectPolicy(route, first);
        bodies.add(await first.text());
        const second = await ask();
        const again = sample.second === undefined ? expected : outcomeOf(sample.second, asker);
        expect([asker, 'again', describeAnswer(second)]).toEqual([asker, 'again', again]);
        expectPolicy(route, second);
        bodies.add(await second.text());
      }
      if (route.cache !== 'private') expect(bodies.size).toBe(1);
    },
  );
});

describe('each staff route, asked by each role', () => {
  const staffed = routes.filter(({ audience }) => audience === 'staff');
  test.each(['staff', 'editor', 'viewer'] as const)(
    'lets the role %s do what the table says, and nothing else',
    async (role) => {
      const world = await openWorld();
      world.browsers.staff = await openStaff(role);
      const refused: string[] = [];
      for (const route of staffed) {
        const answer = await prepareRequest(route, samples[nameOf(route)]!, world, 'staff')();
        const text = await answer.text();
        if (answer.status === 403) refused.push(nameOf(route));
        if (answer.status === 403) expect(text).toMatch(/not part of the work of the role/);
        // A page that another role may see does not redirect.
        else expect(answer.status).not.toBe(401);
      }
      const closed = staffed.filter(({ roles = ['owner'] }) => !roles.includes(role)).map(nameOf);
      expect(refused.sort()).toEqual(closed.sort());
      expect(closed).toContain('POST /api/staff/members');
    },
  );

  test('lets a viewer change nothing', () => {
    const open = staffed.filter(({ roles = [] }) => roles.includes('viewer'));
    expect(open.filter(({ method }) => method !== 'GET')).toEqual([]);
    expect(open.length).toBeGreaterThan(10);
  });
});

async function openWorld(): Promise<World> {
  const [owner, stranger] = [shop.browser(), shop.browser()];
  const ownerEmail = newEmail();
  const { body: account } = await owner.signUp(ownerEmail);
  const { body: kept } = await owner.post('/api/account/addresses', address);
  await stranger.signUp(newEmail());
  const variant = shop.variants[0]!.id;
  const order = await owner.buy(variant);
  await owner.fill(variant);
  await shop.browser().post('/api/sessions', { email: ownerEmail, password });
  const sessions = await owner.get('/api/sessions');
  const staff = await openStaff();
  const { body: product } = await owner.get(`/api/products/${shop.slug}`);
  const change = await staff.patch(`/api/staff/products/${product.id}`, { name: `Tee ${randomUUID()}` });
  const aPromotion = { code: randomUUID(), kind: 'amount', value: 100 };
  const { body: promotion } = await staff.post('/api/staff/promotions', aPromotion);
  const sales = `/api/staff/products/${product.id}/sales`;
  const sale =
    (await staff.post(sales, aSale('2099'))).body.sale?.id ?? (await staff.get(sales)).body.items[0].id;
  const aKey = { name: 'Warehouse', scopes: ['orders:read'] };
  const { body: apiKey } = await staff.post('/api/staff/api-keys', aKey);
  return {
    browsers: { nobody: shop.browser(), stranger, owner, staff },
    newEmail: newEmail(),
    ownerEmail,
    order: order.id,
    customer: account.id,
    otherSession: sessions.body.items.find((session: Json) => !session.current).id,
    variant,
    product: product.id,
    sale,
    category: product.category,
    invalidation: change.body.invalidation.id,
    promotion: promotion.id,
    code: promotion.code,
    apiKey: apiKey.id,
    webhook: await makeWebhook(staff),
    address: kept.id,
  };
}

/** At most twenty webhooks are allowed, so older ones are deleted except that of the reads. */
async function makeWebhook(staff: Browser): Promise<string> {
  if (forReads !== undefined)
    await shop.deps.db.deleteFrom('webhook_endpoints').where('id', '<>', forReads.webhook).execute();
  const { body } = await staff.post('/api/staff/webhooks', { url: 'https://erp.example/hooks' });
  return body.id;
}

/* Opens a new staff account, which a test may delete. Without a role it is an owner, as in the previous release. */
async function openStaff(role?: StaffRole): Promise<Browser> {
  const [staff, email] = [shop.browser(), newEmail()];
  const { body: account } = await staff.signUp(email);
  const set = { role: 'staff' as const, staff_role: role ?? null };
  await shop.deps.db.updateTable('accounts').set(set).where('id', '=', account.id).execute();
  await staff.post('/api/sessions', { email, password });
  return staff;
}

/** @returns a function that sends the same request each time, with the same cookies */
function prepareRequest(route: Route, sample: Sample, world: World, asker: Asker): () => Promise<Response> {
  const path = sample.at?.(world) ?? route.path;
  const key = randomUUID();
  const headers: Record<string, string> = { Origin: 'http://localhost' };
  const browser = world.browsers[asker];
  if (browser.cookies.size > 0) headers['Cookie'] = browser.cookieHeader;
  if (route.method !== 'GET') headers['Idempotency-Key'] = key;
  let body: string | URLSearchParams | undefined;
  if (sample.json) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(sample.json(world));
  }
  if (sample.form) body = new URLSearchParams({ ...sample.form(world), 'idempotency-key': key });
  const init = { method: route.method, headers, ...(body === undefined ? {} : { body }) };
  return () => (asker === 'nobody' ? shop.browser() : browser).request(path, init);
}

function describeAnswer({ status, headers }: Response): Outcome {
  const location = headers.get('Location');
  if (location === null || status < 300) return status;
  return `${status} ${location.replace(/[?#].*/, '').replace(/\/\d+/g, '/:id')}`;
}

/** No cache may keep a refusal, whatever the route. */
function expectPolicy({ cache }: Route, { status, headers }: Response): void {
  const isKept = cache !== 'private' && status === 200;
  expect(headers.get('Cache-Control')).toBe(cacheControl[isKept ? cache : 'private']);
  const isTagged = isKept && cache === 'shared';
  expect([headers.has('CDN-Cache-Control'), headers.has('Cache-Tag')]).toEqual([isTagged, isTagged]);
  if (isKept) expect(headers.getSetCookie()).toEqual([]);
}

function outcomeOf(outcomes: Outcomes, asker: Asker): Outcome {
  return Array.isArray(outcomes) ? outcomes[askers.indexOf(asker)]! : outcomes;
}

/** Finds the audience by the described refusals: each audience has one more than the one before. */
function audienceOf({ responses }: Json): string {
  const refuses = (code: string) => JSON.stringify(responses).includes(`"#/components/examples/${code}"`);
  if (refuses('staff-only')) return 'staff';
  if (refuses('sign-in-needed')) return 'account';
  return refuses('session-ended') ? 'shopper' : 'everyone';
}

function nameOf({ method, path }: Pick<Route, 'path'> & { method: string }): string {
  return `${method} ${path}`;
}

function newEmail(): string {
  return `${randomUUID()}@example.com`;
}

async function answerOk(): Promise<Response> {
  return new Response('ok');
}
