// When there is too much to do, browsing is refused first, then everything but health; those who wait for their turn count as well.
import { Hono } from 'hono';
import { afterEach, expect, test } from 'vitest';
import { Refusal } from '../../origin/errors.ts';
import type { AppEnv } from '../../origin/web/env.ts';
import { createLoadShedding } from '../../origin/web/serving/load-shedding.ts';

let letGo: () => void = () => undefined;
afterEach(() => letGo());

function openApp() {
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const app = new Hono<AppEnv>();
  app.use(createLoadShedding({ all: 4, browsing: 2 }));
  app.all('/held', async (c) => {
    await held;
    return c.text('late');
  });
  app.all('*', (c) => c.text('at once'));
  app.onError((error, c) => c.text(error.message, error instanceof Refusal ? (error.status as 503) : 500));
  const statusOf = async (path: string, waiting?: number) =>
    (await app.request(path, {}, waiting === undefined ? {} : { waiting })).status;
  /** So many requests that are not answered before the test's end. */
  const keepAtWork = (requests: number) => {
    for (let request = 0; request < requests; request++) void app.request('/held', { method: 'POST' });
  };
  return { statusOf, keepAtWork };
}

test('browsing is refused at its bound, while a cart is still served', async () => {
  const { statusOf, keepAtWork } = openApp();
  expect(await statusOf('/p/a-shirt')).toBe(200);
  keepAtWork(2);
  expect(await statusOf('/p/a-shirt')).toBe(503);
  expect(await statusOf('/api/cart')).toBe(200);
  expect(await statusOf('/checkout')).toBe(200);
});

test('a cart is refused at the bound for all, and health never', async () => {
  const { statusOf, keepAtWork } = openApp();
  keepAtWork(4);
  expect(await statusOf('/api/cart')).toBe(503);
  expect(await statusOf('/livez')).toBe(200);
});

test('who came when too many waited is refused as if they were at work', async () => {
  const { statusOf, keepAtWork } = openApp();
  expect(await statusOf('/p/a-shirt', 2)).toBe(503);
  expect(await statusOf('/cart', 2)).toBe(200);
  keepAtWork(2);
  expect(await statusOf('/cart', 2)).toBe(503);
});

test('what was answered makes room', async () => {
  const { statusOf, keepAtWork } = openApp();
  keepAtWork(2);
  expect(await statusOf('/')).toBe(503);
  letGo();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await statusOf('/')).toBe(200);
});
