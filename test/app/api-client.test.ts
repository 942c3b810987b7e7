// A client made from the OpenAPI document by openapi-typescript and openapi-fetch shops, and its types fit.
import { execFile } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, type Json, openShop, type Shop } from '../support/shop.ts';

const run = promisify(execFile);
const source = join(import.meta.dirname, 'client');
// The folder is inside the repository, so that imports of packages resolve.
const folder = join(import.meta.dirname, `.client-${process.pid}`);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ env: { RATE_LIMITS: 'off' } });
  await writeClient();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await shop[Symbol.asyncDispose]();
});

describe('a client that is generated from the document', () => {
  test('fits its types, and what the document does not allow is an error of them', async () => {
    const types = await run('tsc', ['-p', folder]).catch((error: { stdout: string }) => error);
    expect(types.stdout).toBe('');
  }, 60_000);

  test('shops: finds, adds, orders for the total it saw, and tells problems apart', async () => {
    const { goShopping } = (await import(join(folder, 'shopper.ts'))) as {
      goShopping: (url: string, fetch: unknown) => Promise<Json>;
    };
    // Runs twice: with other names, everything must work again.
    for (const _ of [1, 2]) {
      const shopped = await goShopping('http://localhost', fetchAs(shop.browser()));
      expect(shopped.found).toEqual(['The plain-tee']);
      expect(shopped.cart).toMatchObject({ count: 2, durability: 'committed' });
      expect(shopped.order.total).toEqual(shopped.cart.total);
      expect(shopped.orders.map(({ id }: Json) => id)).toEqual([shopped.order.id]);
      expect(shopped.name).toBe('Ada Lovelace');
      expect(shopped.problems).toEqual([
        { code: 'not-found', status: 404, places: [] },
        { code: 'bad-request', status: 400, places: ['sort'] },
        { code: 'email-taken', status: 409, places: [] },
        { code: 'invalid-body', status: 422, places: ['#/quantity'] },
        { code: 'invalid-body', status: 422, places: ['#/price'] },
        { code: 'invalid-body', status: 422, places: ['#/quantity'] },
        { code: 'price-changed', status: 409, places: [] },
        { code: 'idempotency-key-required', status: 428, places: [] },
        { code: 'sign-in-needed', status: 401, places: [] },
      ]);
    }
  }, 60_000);
});

async function writeClient(): Promise<void> {
  await cp(source, folder, { recursive: true });
  const { body } = await shop.browser().get('/api/openapi.json');
  const document = join(folder, 'openapi.json');
  await writeFile(document, JSON.stringify(body));
  await run('node', [join(folder, 'write-types.ts'), document, join(folder, 'api.d.ts')]);
}

function fetchAs(browser: Browser) {
  return async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const body = request.body === null ? {} : { body: await request.text() };
    return browser.request(pathname + search, { method: request.method, headers: request.headers, ...body });
  };
}
