// Held requests fill the app. Further ones are refused at once: browsing before carts, health checks never.
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import type { AppEnv } from '../../origin/web/env.ts';
import { problemResponse, toRefusal } from '../../origin/web/problem.ts';
import { createLoadShedding } from '../../origin/web/serving/load-shedding.ts';

function openApp() {
  const held: (() => void)[] = [];
  const app = new Hono<AppEnv>()
    .use(createLoadShedding({ all: 3, browsing: 2 }))
    .get('/livez', (c) => c.text('alive'))
    .get('/broken', () => Promise.reject(new Error('broken')))
    .all('*', async (c) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return c.text('done');
    })
    .onError((error) => problemResponse(toRefusal(error)));
  const release = () => {
    for (const go of held.splice(0)) go();
  };
  return { app, release };
}

test('browsing is refused at its bound, carts at theirs, and a health check is answered all the while', async () => {
  const { app, release } = openApp();
  const first = [app.request('/products/shirt'), app.request('/search?q=shirt')];
  const refused = await app.request('/products/coat');
  expect(refused.status).toBe(503);
  expect(refused.headers.get('Retry-After')).toBe('1');

  const add = app.request('/api/cart/lines', { method: 'POST' });
  expect((await app.request('/checkout')).status).toBe(503);
  expect((await app.request('/livez')).status).toBe(200);

  release();
  for (const response of await Promise.all([...first, add])) expect(response.status).toBe(200);
});

test('a request that has ended, even with an error, makes room again', async () => {
  const { app, release } = openApp();
  for (let i = 0; i < 5; i += 1) expect((await app.request('/broken')).status).toBe(500);
  const next = app.request('/products/shirt');
  release();
  expect((await next).status).toBe(200);
});

test('a request that arrives while too many wait is refused as if those were running', async () => {
  const { app, release } = openApp();
  const waiting = { waiting: 2 };
  expect((await app.request('/products/shirt', {}, waiting)).status).toBe(503);
  const cart = app.request('/cart', {}, waiting);
  expect((await app.request('/cart', {}, waiting)).status).toBe(503);
  release();
  expect((await cart).status).toBe(200);
});
