// The API over a real socket: the documentation's curl commands lead to an order, and every request gets a status and
// a problem document.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemCodes } from '../../origin/web/api/problem-codes.ts';
import { createRefuseUnreadable } from '../../origin/web/problem.ts';
import { createFinishHeaders } from '../../origin/web/response-headers.ts';
import { type Serving, serve } from '../../origin/web/serving/serve.ts';
import { createWarmPageResponder } from '../../origin/web/serving/warm-page-responder.ts';
import { type Json, openShop, type Shop } from '../support/shop.ts';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;
let shop: Shop;
let server: Serving;
let folder: string;

beforeAll(async () => {
  shop = await openShop();
  const { settings } = shop.deps;
  server = await serve({
    fetch: shop.app.fetch,
    warmPages: createWarmPageResponder(shop.deps, createFinishHeaders(settings)),
    refuse: createRefuseUnreadable(settings),
    host: '127.0.0.1',
    port: 0,
  });
  folder = await mkdtemp(join(tmpdir(), 'myclothes-curl-'));
});
afterAll(async () => {
  await server?.stop(0);
  await shop?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: server.port, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The commands of the page, in order, as somebody copies them. */
async function commands(): Promise<string[]> {
  const { text } = await ask('GET', '/api/docs');
  const [, list = ''] = /<ol>(.*?)<\/ol>/s.exec(text) ?? [];
  return [...list.matchAll(/<pre[^>]*><code>(.*?)<\/code><\/pre>/gs)].map(([, command = '']) =>
    command
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  );
}

describe('the page of the API', () => {
  test.skipIf(!hasCurl)(
    'leads to an order, step by step, by the commands as they stand',
    async () => {
      const [, find, look, add, options, order, follow] = await commands();
      // The second order must succeed in the same way with the same cookies.
      for (const _ of [1, 2]) {
        const env: Record<string, string> = { SHOP: `http://localhost:${server.port}` };
        const shell = async (
          command: string | undefined,
          filled: Record<string, string> = {},
        ): Promise<Json> => {
          let text = command!;
          for (const [name, value] of Object.entries(filled))
            text = text.replace(`${name}=…`, `${name}=${value}`);
          expect(text.split('#')[0]).not.toContain('…');
          const { stdout } = await run('sh', ['-ec', text], { cwd: folder, env: { ...process.env, ...env } });
          return JSON.parse(stdout);
        };
        const { items } = await shell(find);
        const product = await shell(look, { SLUG: items.at(-1).slug });
        const variant = product.variants.find(({ available }: Json) => available > 0);
        const cart = await shell(add, { VARIANT: variant.id });
        expect(cart.count, JSON.stringify(cart)).toBe(2);
        const { providers, countries } = await shell(options);
        expect(countries).toContain('IE');
        const placed = await shell(order, { PROVIDER: providers[0].id, AMOUNT: cart.total.amount });
        expect(placed.total, JSON.stringify(placed)).toEqual(cart.total);
        expect((await shell(follow, { ORDER: placed.id })).number).toBe(placed.number);
      }
    },
    60_000,
  );
});

describe('whatever a program sends', () => {
  const json = { 'Content-Type': 'application/json' };
  const deep = `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`;

  test.each<[string, string, Record<string, string>, string | undefined, number]>([
    ['GET', '/api/products?limit=99999999999999999999', {}, undefined, 400],
    ['GET', '/api/products?limit=-0', {}, undefined, 400],
    ['GET', '/api/products?limit=1e1', {}, undefined, 400],
    ['GET', '/api/products?limit=5.0', {}, undefined, 400],
    ['GET', '/api/products?limit=%31%30', {}, undefined, 200],
    ['GET', '/api/products?limit=5&limit=6', {}, undefined, 400],
    ['GET', '/api/products?q=a&q=b', {}, undefined, 400],
    ['GET', '/api/products?unknown=1&limit=5', {}, undefined, 200],
    ['GET', '/api/products?q=%FF%FE%00', {}, undefined, 200],
    ['GET', `/api/products?q=${'x'.repeat(5_000)}`, {}, undefined, 400],
    ['GET', '/api/products?size=S&size=S&color=', {}, undefined, 200],
    ['GET', '/api/products/%E0%A4%A', {}, undefined, 404],
    ['GET', '/api/products/%2e%2e%2fadmin', {}, undefined, 404],
    ['GET', '/api/orders/99999999999999999999', {}, undefined, 404],
    ['GET', '/api/orders/-1', {}, undefined, 404],
    ['HEAD', '/api/products?limit=1', {}, undefined, 200],
    ['HEAD', '/api/cart', {}, undefined, 200],
    ['OPTIONS', '/api/cart', {}, undefined, 204],
    ['OPTIONS', '/api/orders', {}, undefined, 204],
    ['POST', '/api/cart', json, '{}', 405],
    ['DELETE', '/api/orders', {}, undefined, 405],
    ['PROPFIND', '/api/cart', {}, undefined, 405],
    ['POST', '/api/cart/lines', json, deep, 422],
    ['POST', '/api/cart/lines', json, `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 422],
    ['POST', '/api/cart/lines', json, '{"__proto__":{"quantity":1},"variantId":"1","quantity":1}', 422],
    ['POST', '/api/cart/lines', json, '{"variantId":"1","quantity":1e999}', 422],
    ['POST', '/api/cart/lines', json, '{"variantId":"1","quantity":"1"}', 422],
    ['POST', '/api/cart/lines', json, '{"variantId":"\\ud800","quantity":1}', 404],
    ['POST', '/api/cart/lines', json, '{"variantId":"1\\u0000","quantity":1}', 404],
    ['POST', '/api/cart/lines', json, 'NaN', 400],
    ['POST', '/api/cart/lines', json, undefined, 400],
    ['POST', '/api/cart/lines', {}, undefined, 422],
    ['PUT', '/api/cart/lines/1', { ...json, 'Idempotency-Key': 'x'.repeat(201) }, '{"quantity":1}', 400],
    ['GET', '/api/products', { 'If-None-Match': '"'.repeat(100) }, undefined, 200],
    ['GET', '/api/products', { 'If-None-Match': '*' }, undefined, 304],
    ['GET', '/api/products', { Accept: 'text/csv', 'Accept-Encoding': 'zstd;q=9, *;q=0' }, undefined, 200],
    ['GET', '/api/cart', { Cookie: '__Host-session=a.b; __Host-cart=%00; =; ;;' }, undefined, 200],
    ['GET', '/api/products', { Range: 'bytes=0-1' }, undefined, 200],
    ['POST', '/api/orders', json, '{}', 428],
  ])('%s %s is answered as its kind is', async (method, path, headers, body, status) => {
    // The second answer may come from another code path.
    for (const _ of [1, 2]) {
      const answer = await ask(method, path, headers, body);
      expect([method, path.slice(0, 80), answer.status]).toEqual([method, path.slice(0, 80), status]);
      if (method === 'HEAD' || status === 304) expect(answer.text).toBe('');
      if (status === 405 || method === 'OPTIONS') expect(answer.headers.allow).toMatch(/^[A-Z, ]+$/);
      if (status < 400) continue;
      expect(answer.headers['content-type']).toBe('application/problem+json');
      const problem = JSON.parse(answer.text);
      const known = problemCodes[problem.code as keyof typeof problemCodes];
      expect([problem.code, known?.status]).toEqual([problem.code, status]);
      expect(answer.headers['cache-control']).toMatch(/no-store|public/);
    }
  });
});
