// The shop itself refuses unreadable requests: by a problem document with the headers of every answer.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRefuseUnreadable } from '../../origin/web/problem.ts';
import { createFinishHeaders } from '../../origin/web/response-headers.ts';
import { type Serving, serve } from '../../origin/web/serving/serve.ts';
import { createWarmPageResponder } from '../../origin/web/serving/warm-page-responder.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let server: Serving;
beforeAll(async () => {
  shop = await openShop();
  const { app, deps } = shop;
  server = await serve({
    fetch: app.fetch,
    warmPages: createWarmPageResponder(deps, createFinishHeaders(deps.settings)),
    refuse: createRefuseUnreadable(deps.settings),
    host: '127.0.0.1',
    port: 0,
  });
  // From now on the page is answered before the router.
  for (let time = 0; time < 3; time += 1) await fetch(`http://127.0.0.1:${server.port}/`);
});
afterAll(async () => {
  await server?.stop(0);
  await shop?.[Symbol.asyncDispose]();
});

/** @returns everything until the connection ends */
async function send(bytes: string): Promise<{ head: string; body: string }> {
  const socket = connect(server.port, '127.0.0.1');
  socket.setEncoding('utf8');
  let received = '';
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.write(bytes);
  await once(socket, 'close');
  const [head = '', body = ''] = received.split('\r\n\r\n');
  return { head, body };
}

const long = 'x'.repeat(40_000);

test.each([
  ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\n', 400],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n', 400],
  ['two Hosts that differ', 'GET / HTTP/1.1\r\nHost: localhost\r\nhost: other.test\r\n', 400],
  ['a target that is no path', 'GET nothing HTTP/1.1\r\nHost: localhost\r\n', 400],
  ['a backslash in the path', 'GET /c\\shirts HTTP/1.1\r\nHost: localhost\r\n', 400],
  ['a target of another protocol', 'GET http://a:b:c/ HTTP/1.1\r\nHost: localhost\r\n', 400],
  ['bytes that are no HTTP', 'what is this\r\nHost: localhost\r\n', 400],
  ['headers without end', `GET / HTTP/1.1\r\nHost: localhost\r\nLong: ${long}\r\n`, 431],
])('%s', async (_what, request, status) => {
  const { head, body } = await send(`${request}Connection: close\r\n\r\n`);
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(JSON.parse(body)).toMatchObject({ status, code: expect.any(String) });
  for (const line of [
    /^content-type: application\/problem\+json$/im,
    /^served-by: local\/origin-1$/im,
    /^x-content-type-options: nosniff$/im,
    /^referrer-policy: /im,
    /^cache-control: private, no-store$/im,
    /^cache-status: origin;/im,
    /^server-timing: /im,
    /^date: .* GMT$/im,
  ])
    expect(head).toMatch(line);
});
