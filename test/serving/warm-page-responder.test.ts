import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeProduct } from '../../origin/catalog/change/change-product.ts';
import { createFinishHeaders } from '../../origin/web/response-headers.ts';
import { type Serving, serve } from '../../origin/web/serving/serve.ts';
import { createWarmPageResponder } from '../../origin/web/serving/warm-page-responder.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let plain: Serving;
let quick: Serving;
/** Number of requests that the router of `quick` handled. */
let routed = 0;

beforeAll(async () => {
  shop = await openShop();
  const { app, deps } = shop;
  const address = { host: '127.0.0.1', port: 0 };
  plain = await serve({ ...address, fetch: app.fetch });
  quick = await serve({
    ...address,
    warmPages: createWarmPageResponder(deps, createFinishHeaders(deps.settings)),
    fetch: (request, bindings) => {
      routed += 1;
      return app.fetch(request, bindings);
    },
  });
});
afterAll(async () => {
  await Promise.all([plain.stop(500), quick.stop(500)]);
  await shop[Symbol.asyncDispose]();
});

interface Answer {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

async function ask(
  server: Serving,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const sent = request({ port: server.port, path, method, headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const {
    date: _date,
    'server-timing': timing,
    'content-length': _length,
    'transfer-encoding': _transfer,
    ...kept
  } = response.headers;
  expect(timing).toMatch(/^app;dur=\d/);
  return { status: response.statusCode, headers: kept, body: Buffer.concat(chunks).toString('base64') };
}

/** Asks often enough that both servers keep the page in memory. */
async function makeKnown(path: string): Promise<void> {
  for (const server of [plain, quick, plain, quick]) await ask(server, path);
}

test('every answer is counted once, with its kind of status, from memory and from the router', async () => {
  await makeKnown('/');
  const before = await countAnswers();
  await ask(quick, '/');
  expect(await countAnswers()).toEqual({ ...before, '2xx': before['2xx']! + 1 });
  await ask(quick, '/p/nothing-of-ours');
  expect(await countAnswers()).toEqual({
    ...before,
    '2xx': before['2xx']! + 1,
    '4xx': (before['4xx'] ?? 0) + 1,
  });
});

async function countAnswers(): Promise<Record<string, number>> {
  const metric = await shop.deps.registry.getSingleMetric('http_request_duration_seconds')!.get();
  const counts = metric.values.filter(
    (value) => 'metricName' in value && /_count$/.test(String(value.metricName)),
  );
  return Object.fromEntries(counts.map(({ labels, value }) => [labels.status, value]));
}

describe('a page that memory holds', () => {
  const paths = () => ['/', `/p/${shop.slug}`, `/api/products/${shop.slug}`, '/search?q=tee'];
  const manners: Record<string, string>[] = [
    {},
    { 'accept-encoding': 'br' },
    { 'accept-encoding': 'gzip, deflate, br, zstd' },
    { 'accept-encoding': 'gzip;q=0.5, br;q=0' },
    { cookie: '__Host-cart=x; other=y' },
  ];

  test('is answered ahead of the router with the status, headers and bytes of the router', async () => {
    for (const path of paths()) {
      await makeKnown(path);
      for (const headers of manners) {
        for (const method of ['GET', 'HEAD']) {
          const before = routed;
          const answer = await ask(quick, path, headers, method);
          expect(routed).toBe(before);
          expect(answer).toEqual(await ask(plain, path, headers, method));
          expect(answer.headers).toMatchObject({ 'cache-status': 'origin; hit' });
          expect(answer.headers).not.toHaveProperty('set-cookie');
        }
      }
    }
  });

  test('is not sent again to a client that has it in the same encoding', async () => {
    const path = `/p/${shop.slug}`;
    await makeKnown(path);
    const headers = { 'accept-encoding': 'br' };
    const { etag } = (await ask(quick, path, headers)).headers as { etag: string };
    for (const known of [etag, `W/${etag}`, `"another", ${etag}`, '*']) {
      const answer = await ask(quick, path, { ...headers, 'if-none-match': known });
      expect(answer).toEqual(await ask(plain, path, { ...headers, 'if-none-match': known }));
      expect([answer.status, answer.body]).toEqual([304, '']);
    }
    expect((await ask(quick, path, { 'if-none-match': etag })).status).toBe(200);
  });

  test('goes through the router again once a change of it is done', async () => {
    const path = `/api/products/${shop.slug}`;
    await makeKnown(path);
    const { id } = await shop.deps.db
      .selectFrom('products')
      .select('id')
      .where('slug', '=', shop.slug)
      .executeTakeFirstOrThrow();
    const { tags } = await shop.deps.db
      .transaction()
      .execute((tx) => changeProduct(tx, id, { name: 'Another tee' }));
    const before = routed;
    await shop.deps.floors.raise(tags);
    // Within a moment, the page is no longer served from memory.
    await expect
      .poll(async () => Buffer.from((await ask(quick, path)).body, 'base64').toString(), { interval: 5 })
      .toContain('Another tee');
    expect(routed).toBeGreaterThan(before);
  });

  test('is not the answer to a write, a request with a body or an unknown address', async () => {
    const path = `/p/${shop.slug}`;
    await makeKnown(path);
    for (const [method, headers] of [
      ['DELETE', {}],
      ['GET', { 'content-length': '0' }],
    ] as const) {
      const before = routed;
      await ask(quick, path, headers, method);
      expect(routed).toBe(before + 1);
    }
    for (let time = 0; time < 2; time++) {
      const before = routed;
      expect((await ask(quick, '/p/nothing-of-ours')).status).toBe(404);
      expect(routed).toBe(before + 1);
    }
  });
});
