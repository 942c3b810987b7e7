// A page is compressed once, by the origin or by the edge, and what a client gets is always what it can read.
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

const text = 'A garment for every day. '.repeat(200);
const plain = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'public, max-age=60',
  etag: '"one"',
};
const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());

test('a plain page is kept once for each of br, gzip and none, and each client gets its own', async () => {
  await using origin = await startOrigin((_request, response) => response.writeHead(200, plain).end(text));
  const { get } = startEdge(origin.url);
  for (let round = 0; round < 2; round++) {
    const br = await get('/page', { 'accept-encoding': 'gzip, deflate, br, zstd' });
    expect(br.headers.get('content-encoding')).toBe('br');
    expect(br.headers.get('vary')).toBe('Accept-Encoding');
    expect(br.headers.get('etag')).toBe('W/"one"');
    expect(brotliDecompressSync(await bytesOf(br)).toString()).toBe(text);
    const gzip = await get('/page', { 'accept-encoding': 'gzip' });
    expect(gzip.headers.get('content-encoding')).toBe('gzip');
    expect(gunzipSync(await bytesOf(gzip)).toString()).toBe(text);
    const none = await get('/page', { 'accept-encoding': 'br;q=0' });
    expect(none.headers.has('content-encoding')).toBe(false);
    expect([none.headers.get('etag'), none.headers.get('vary')]).toEqual(['"one"', 'Accept-Encoding']);
    expect((await bytesOf(none)).toString()).toBe(text);
  }
  expect(origin.asked).toHaveLength(3);
});

test('what the origin has compressed passes as it is, byte for byte', async () => {
  const packed = gzipSync(text);
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { ...plain, 'content-encoding': 'gzip', vary: 'accept-encoding' }).end(packed);
  });
  const { get } = startEdge(origin.url);
  for (let round = 0; round < 2; round++) {
    const answer = await get('/page', { 'accept-encoding': 'gzip' });
    expect(answer.headers.get('etag')).toBe('"one"');
    expect((await bytesOf(answer)).equals(packed)).toBe(true);
  }
  expect(origin.asked).toHaveLength(1);
});

test.each([
  ['no-transform', { ...plain, 'cache-control': 'public, max-age=60, no-transform' }],
  ['a picture', { ...plain, 'content-type': 'image/webp' }],
  ['a digest of the body', { ...plain, 'content-digest': 'sha-256=:x:' }],
])('%s: the body is not touched', async (_what, headers) => {
  await using origin = await startOrigin((_request, response) => response.writeHead(200, headers).end(text));
  const { get } = startEdge(origin.url);
  const answer = await get('/page', { 'accept-encoding': 'br' });
  expect(answer.headers.has('content-encoding')).toBe(false);
  expect(answer.headers.get('etag')).toBe('"one"');
});

test('personal answers are left to the origin', async () => {
  const headers = { ...plain, 'cache-control': 'private, no-store' };
  await using origin = await startOrigin((_request, response) => response.writeHead(200, headers).end(text));
  const answer = await startEdge(origin.url).get('/cart', { 'accept-encoding': 'br' });
  expect(answer.headers.has('content-encoding')).toBe(false);
});

test('a compressed page is confirmed by its tag, to the client and to the origin, and stays compressed', async () => {
  await using origin = await startOrigin((request, response) => {
    if (request.headers['if-none-match'] === undefined) response.writeHead(200, plain).end(text);
    else response.writeHead(304, { etag: '"one"', 'cache-control': 'public, max-age=60' }).end();
  });
  const { get, clock } = startEdge(origin.url);
  await (await get('/page', { 'accept-encoding': 'br' })).arrayBuffer();
  expect((await get('/page', { 'accept-encoding': 'br', 'if-none-match': 'W/"one"' })).status).toBe(304);
  clock.now += 61_000;
  const again = await get('/page', { 'accept-encoding': 'br' });
  expect(origin.asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, 'W/"one"']);
  expect([again.headers.get('content-encoding'), again.headers.get('etag')]).toEqual(['br', 'W/"one"']);
  expect(brotliDecompressSync(await bytesOf(again)).toString()).toBe(text);
});

test('a weak tag never joins two parts of a page', async () => {
  await using origin = await startOrigin((_request, response) => response.writeHead(200, plain).end(text));
  const { get } = startEdge(origin.url);
  const encoding = { 'accept-encoding': 'br' };
  await (await get('/page', encoding)).arrayBuffer();
  const part = { ...encoding, range: 'bytes=0-9' };
  expect((await get('/page', { ...part, 'if-range': 'W/"one"' })).status).toBe(200);
  expect((await get('/page', part)).status).toBe(206);
});
