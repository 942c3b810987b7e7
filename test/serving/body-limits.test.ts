// Over a real socket, a body that is too long is refused with and without an announced length, and one that fits is
// read.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Serving, serve } from '../../origin/web/serving/serve.ts';
import { openShop, type Shop } from '../support/shop.ts';

const most = 64 * 1024;

let shop: Shop;
let server: Serving;
beforeAll(async () => {
  shop = await openShop();
  server = await serve({ fetch: shop.app.fetch, host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server?.stop(0);
  await shop?.[Symbol.asyncDispose]();
});

/** A request that adds one piece, padded by spaces to `bytes`. @param framing how the length is stated */
function addOf(
  bytes: number,
  framing: 'announced' | 'in chunks',
): Promise<{ status: number; code?: string }> {
  const json = JSON.stringify({ variantId: shop.variants[0]!.id, quantity: 1 });
  const body = json + ' '.repeat(bytes - json.length);
  const headers = {
    'Content-Type': 'application/json',
    ...(framing === 'announced' ? { 'Content-Length': bytes } : { 'Transfer-Encoding': 'chunked' }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      { port: server.port, method: 'POST', path: '/api/cart/lines', headers },
      (answer) => {
        answer.setEncoding('utf8');
        let text = '';
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ ...JSON.parse(text), status: answer.statusCode! }));
      },
    );
    sent.on('error', reject);
    const half = Math.floor(body.length / 2);
    sent.write(body.slice(0, half));
    sent.end(body.slice(half));
  });
}

test.each(['announced', 'in chunks'] as const)('a body whose length is %s', async (framing) => {
  expect(await addOf(most + 1, framing)).toMatchObject({ status: 413, code: 'body-too-large' });
  expect(await addOf(most, framing)).toMatchObject({ status: 200, count: 1 });
});

test('after a body in chunks that was too long the connection is closed, as the rest of it is still to come', async () => {
  const sent = request({
    port: server.port,
    method: 'POST',
    path: '/api/cart/lines',
    headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
  });
  sent.on('error', () => undefined);
  for (let written = 0; written < 2 * 1024 * 1024; written += most) sent.write(' '.repeat(most));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  expect([answer.statusCode, answer.headers.connection]).toEqual([413, 'close']);
  sent.destroy();
});
