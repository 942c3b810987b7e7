// What the edge promises to the purger and to shoppers: no older page after 200, none without a recent word.
import { expect, test } from 'vitest';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

const page = (version: number, more = '') => ({
  'content-type': 'text/html',
  'cache-tag': `product:42@${version}`,
  'cache-control': 'max-age=0, must-revalidate',
  'cdn-cache-control': `max-age=60${more}`,
});

async function shopWith(more = '') {
  const state = { version: 1, away: false };
  const origin = await startOrigin((_request, response) => {
    if (state.away) return void response.socket?.destroy();
    response.writeHead(200, page(state.version, more)).end(`v${state.version}`);
  });
  return {
    state,
    origin,
    ...startEdge(origin.url),
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  };
}

test('a tagged page is served from memory while the lease runs, and from the origin after it', async () => {
  await using shop = await shopWith();
  await shop.purge({});
  for (let i = 0; i < 3; i++) expect(await (await shop.get('/p/shirt')).text()).toBe('v1');
  expect(shop.origin.asked).toHaveLength(1);
  shop.clock.now += 3_001;
  await shop.get('/p/shirt');
  expect(shop.origin.asked).toHaveLength(2);
});

test('after a purge was answered with 200, the older page is never served again', async () => {
  await using shop = await shopWith();
  await shop.purge({});
  await (await shop.get('/p/shirt')).text();
  shop.state.version = 2;
  expect((await shop.purge({ 'product:42': 2 })).status).toBe(200);
  expect(await (await shop.get('/p/shirt')).text()).toBe('v2');
});

test('a response fetched before a purge is not kept after it', async () => {
  await using shop = await shopWith();
  await shop.purge({ 'product:42': 2 });
  await (await shop.get('/p/shirt')).text();
  await (await shop.get('/p/shirt')).text();
  expect(shop.origin.asked).toHaveLength(2);
});

test('the longest address that the catalog takes, in any script, is a tag like others; a word that is none is refused', async () => {
  await using shop = await shopWith();
  const longest = `slug:${encodeURIComponent('\u{20000}'.repeat(200))}`;
  expect((await shop.purge({ [longest]: 1 })).status).toBe(200);
  expect((await shop.purge({ [`${longest}${'x'.repeat(100)}`]: 1 })).status).toBe(400);
});

test('neither stale-while-revalidate nor stale-if-error serves below a floor', async () => {
  await using shop = await shopWith(', stale-while-revalidate=600, stale-if-error=600');
  await shop.purge({});
  await (await shop.get('/p/shirt')).text();
  shop.clock.now += 61_000;
  shop.state.away = true;
  await shop.purge({});
  expect(await (await shop.get('/p/shirt')).text()).toBe('v1');
  await shop.purge({ 'product:42': 2 });
  expect((await shop.get('/p/shirt')).status).toBe(502);
});

test('a purge with a wrong signature, or signed more than a minute ago, is refused', async () => {
  await using shop = await shopWith();
  expect((await shop.purge({}, shop.clock.now - 60_001)).status).toBe(401);
  const forged = await shop.edge.app.request('/.edge/purge', {
    method: 'POST',
    body: '{"tags":{}}',
    headers: { 'purge-signature': `t=${shop.clock.now},v1=${'0'.repeat(64)}` },
  });
  expect(forged.status).toBe(401);
});

test('a purge of ten thousand tags is taken as one', async () => {
  await using shop = await shopWith();
  const tags = Object.fromEntries(Array.from({ length: 10_000 }, (_, id) => [`product:${id}`, 2]));
  expect(await (await shop.purge(tags)).json()).toMatchObject({ raised: 10_000, renewed: true });
});

test('a thousand misses of one page at once ask the origin once', async () => {
  await using shop = await shopWith();
  await shop.purge({});
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => shop.get('/p/shirt')));
  expect(new Set(await Promise.all(answers.map((answer) => answer.text())))).toEqual(new Set(['v1']));
  expect(shop.origin.asked).toHaveLength(1);
});

test('personal pages are never kept, and away from the origin they are a clear 502', async () => {
  let away = false;
  await using origin = await startOrigin((request, response) => {
    if (away) return void response.socket?.destroy();
    response
      .writeHead(200, { 'cache-control': 'private, no-store', 'set-cookie': 'a=b' })
      .end(request.headers.cookie);
  });
  const shop = startEdge(origin.url);
  expect(await (await shop.get('/cart', { cookie: 'me=1' })).text()).toBe('me=1');
  expect(await (await shop.get('/cart', { cookie: 'me=2' })).text()).toBe('me=2');
  away = true;
  const answer = await shop.get('/cart', { accept: 'text/html' });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8']);
  const problem = await shop.get('/api/cart');
  expect(await problem.json()).toMatchObject({ status: 502, code: 'origin-away' });
});

test('shared pages are asked for without cookies, with the host as it came and the client as the edge sees it', async () => {
  await using shop = await shopWith();
  await shop.get('/p/shirt', { cookie: 'me=1', 'x-forwarded-for': '6.6.6.6', host: 'shop.test' });
  expect(shop.origin.asked[0]!.headers).toMatchObject({ host: 'shop.test', 'x-forwarded-for': '127.0.0.1' });
  expect(shop.origin.asked[0]!.headers.cookie).toBeUndefined();
});

test('a write is sent once, also where the origin hangs up', async () => {
  await using origin = await startOrigin((_request, response) => response.socket?.destroy());
  const { edge } = startEdge(origin.url);
  const answer = await edge.app.request(
    'http://shop.test/api/cart/lines',
    { method: 'POST', body: '{}' },
    {},
  );
  expect(answer.status).toBe(502);
  expect(origin.asked).toHaveLength(1);
});
