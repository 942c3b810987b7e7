// What two servers could read in two ways is refused, and nothing that stands behind it ever reaches the origin.
import { expect, test } from 'vitest';
import { startOrigin } from './support/origin.ts';
import { sendRaw, serveEdge } from './support/server.ts';

const hidden = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n';
const ambiguous: Record<string, string> = {
  'both a length and chunks': `POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'chunks and a length': `POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  'two lengths': `POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!${hidden}`,
  'the same length twice': `POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello${hidden}`,
  'a list of lengths': `POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello${hidden}`,
  'a signed length': `POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello${hidden}`,
  'chunks that are not the last coding': `POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
  'a coding that nobody knows': `POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
  'two codings on two lines': `POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'a folded line': `POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'a continued line': `GET /cart HTTP/1.1\r\nHost: a\r\nX-One: a\r\n b\r\n\r\n${hidden}`,
  'a blank before the colon': `GET / HTTP/1.1\r\nHost : a\r\n\r\n${hidden}`,
  'lines that end without a return': `GET / HTTP/1.1\nHost: a\nX: b\r\r\n\r\n${hidden}`,
  'a letter in a chunk length': `POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n\r\n${hidden}`,
  'two hosts': `GET /cart HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${hidden}`,
  'no host': `GET /cart HTTP/1.1\r\nX: a\r\n\r\n${hidden}`,
  'another host in the target': `GET http://other.test/ HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
  'a backslash in the target': `GET /\\other.test HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
};

test.each(Object.entries(ambiguous))('%s: refused, and the origin hears nothing', async (_what, bytes) => {
  await using origin = await startOrigin((_request, response) => response.end('reached'));
  await using edge = await serveEdge(origin.url);
  const answer = await sendRaw(edge.url, bytes);
  expect(answer).toMatch(/^HTTP\/1\.1 400/);
  expect(answer.match(/^HTTP\/1\.1/gm)).toHaveLength(1);
  expect(origin.asked.filter(({ url }) => url.includes('hidden'))).toEqual([]);
});

test('a refusal bears what every answer of the edge bears', async () => {
  await using origin = await startOrigin((_request, response) => response.end());
  await using edge = await serveEdge(origin.url);
  for (const bytes of [ambiguous['two hosts']!, ambiguous['a continued line']!]) {
    const answer = await sendRaw(edge.url, bytes);
    for (const field of ['cache-status: edge', 'served-by: test/edge', 'x-content-type-options: nosniff'])
      expect(answer.toLowerCase()).toContain(field);
    expect(answer).toContain('"code":"bad-request"');
  }
});

test('a read that brings a body is asked for without it, so that the body is never taken for a request', async () => {
  await using origin = await startOrigin((_request, response) => response.end('seen'));
  await using edge = await serveEdge(origin.url);
  const first = `GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`;
  const second = 'GET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  for (const bytes of [first, second]) expect(await sendRaw(edge.url, bytes)).toMatch(/^HTTP\/1\.1 200/);
  expect(origin.asked.map(({ url }) => url)).toEqual(['/one', '/two']);
  expect(origin.asked[0]!.headers).not.toHaveProperty('content-length');
});

test('what follows a page that is on its way does not cut into it', async () => {
  let release: () => void = () => undefined;
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { 'content-length': '8', 'cache-control': 'no-store' }).write('half');
    release = () => response.end('half');
  });
  await using edge = await serveEdge(origin.url);
  const answer = sendRaw(edge.url, 'GET /cart HTTP/1.1\r\nHost: a\r\n\r\nno request\r\n\r\n');
  await expect.poll(() => origin.asked.length).toBe(1);
  release();
  expect((await answer).match(/^HTTP\/1\.1/gm)?.length ?? 0).toBeLessThanOrEqual(1);
});

test('fields that speak of one connection stay there, those that Connection names too', async () => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { connection: 'keep-alive, x-inner', 'x-inner': 'a', 'x-outer': 'b' }).end();
  });
  await using edge = await serveEdge(origin.url);
  const answer = await sendRaw(
    edge.url,
    'GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close, x-mine, x-forwarded-for\r\nX-Mine: 1\r\nTE: trailers\r\nProxy-Authorization: x\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n',
  );
  expect(answer).not.toMatch(/x-inner/i);
  expect(answer).toMatch(/x-outer: b/i);
  const { headers } = origin.asked[0]!;
  for (const name of ['x-mine', 'te', 'proxy-authorization']) expect(headers).not.toHaveProperty(name);
  expect(headers).toMatchObject({ host: 'shop.test', 'x-forwarded-for': '127.0.0.1' });
});

test('TRACE, which would show cookies to scripts, is refused', async () => {
  await using origin = await startOrigin((_request, response) => response.end());
  await using edge = await serveEdge(origin.url);
  expect(await sendRaw(edge.url, 'TRACE / HTTP/1.1\r\nHost: a\r\nCookie: me=1\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 405/,
  );
  expect(origin.asked).toEqual([]);
});

test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
  '%s passes through with its body',
  async (method) => {
    await using origin = await startOrigin(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      response.writeHead(207).end(`${request.method} ${body}`);
    });
    await using edge = await serveEdge(origin.url);
    const answer = await sendRaw(
      edge.url,
      `${method} /api/cart HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello`,
    );
    expect(answer).toContain('HTTP/1.1 207');
    expect(answer).toContain(`${method} hello`);
    expect(origin.asked).toHaveLength(1);
  },
);
