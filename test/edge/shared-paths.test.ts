// Which addresses the edge asks for without cookies: those that are the same for everyone, and none that is somebody's
// own.
import { expect, test } from 'vitest';
import { isSharedPath } from '../../edge/upstream/forward-request.ts';
import { routeGroups } from '../../origin/routes.ts';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

const shared = [
  '/',
  '/?utm_source=letter',
  '/c/shirts?color=blue',
  '/p/linen-shirt',
  '/search?q=shirt',
  '/assets/shop.0123456789.css',
  '/images/tee-navy.svg',
  '/api/products?limit=5',
  '/api/products/linen-shirt',
  '/api/categories',
  '/terms',
  '/imprint?from=mail',
  '/robots.txt',
  '/sitemap.xml',
  '/sitemaps/pages.xml',
  '/sitemaps/1.xml',
  '/manifest.webmanifest',
  '/favicon.ico',
];
const personal = [
  ...['/cart', '/checkout', '/orders/1', '/account', '/sign-in', '/sign-up', '/forgot-password'],
  ...[
    '/reset-password?token=1',
    '/staff',
    '/staff/products/1',
    '/api/cart',
    '/api/cart/lines',
    '/api/orders',
  ],
  ...[
    '/api/account',
    '/api/account/export',
    '/api/sessions',
    '/api/staff/products/1',
    '/api/webhooks/stripe',
  ],
  ...[
    '/c',
    '/p/a/b',
    '/cart?x=/p/shirt',
    '/account?/search',
    '/searches',
    '/terms/x',
    '/term',
    '/apiXproducts',
    '/robotsXtxt',
  ],
];

test.each(shared)('%s is asked for without cookies', async (path) => {
  await using origin = await startOrigin((_request, response) => response.end());
  const { get } = startEdge(origin.url);
  await get(path, { cookie: 'me=1' });
  expect(origin.asked[0]!.headers.cookie).toBeUndefined();
});

test.each(personal)("%s is asked for with the shopper's own cookies", async (path) => {
  await using origin = await startOrigin((_request, response) => response.end());
  const { get } = startEdge(origin.url);
  await get(path, { cookie: 'me=1' });
  expect(origin.asked[0]!.headers.cookie).toBe('me=1');
});

test('an address below a personal page never counts as shared', () => {
  for (const path of personal) expect(isSharedPath(`${path.split('?', 1)[0]!}/`), path).toBe(false);
});

const reads = routeGroups.flatMap(({ routes }) => routes).filter(({ method }) => method === 'GET');
/** An address of the route, with every parameter filled in. */
const addressOf = (path: string) => path.replaceAll(/:\w+(?:\{[^}]*\}\\?[^}/]*\})?/g, '1.xml');

test('Every route of the table that caches share is asked for without cookies', () => {
  const sharing = reads.filter(({ cache }) => ['shared', 'hour', 'immutable'].includes(cache));
  expect(sharing.length).toBeGreaterThan(10);
  expect(sharing.map(({ path }) => path).filter((path) => !isSharedPath(addressOf(path)))).toEqual([]);
});

test('No route of the table that knows its visitor is asked for without cookies', () => {
  const personal = reads.filter(({ audience }) => audience !== 'everyone');
  expect(personal.length).toBeGreaterThan(10);
  expect(personal.map(({ path }) => path).filter((path) => isSharedPath(addressOf(path)))).toEqual([]);
});
