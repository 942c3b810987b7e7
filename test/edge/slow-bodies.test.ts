// Clients that send slowly through the edge hold neither connections to the origin nor the room in which purges are
// read.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { signPurge } from '../../http/purge-signature.ts';
import { purgeKey } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';
import { serveEdge } from './support/server.ts';

async function send(url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

test('While many bodies come slowly, writes of others reach the origin', async () => {
  await using origin = await startOrigin((request, response) => {
    request.resume();
    request.on('end', () => response.end('taken'));
  });
  await using edge = await serveEdge(origin.url);
  const head = 'POST /api/cart/lines HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\n{';
  const slow = await Promise.all(Array.from({ length: 120 }, () => send(edge.url, head)));
  for (let time = 0; time < 2; time += 1) {
    const body = 'x'.repeat(100);
    const answer = await fetch(`${edge.url}/api/cart/lines`, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(2_000),
    });
    expect(await answer.text()).toBe('taken');
  }
  for (const socket of slow) socket.destroy();
});

test('A body that does not come whole is refused by 408, and the connection ends', {
  timeout: 30_000,
}, async () => {
  await using origin = await startOrigin((_request, response) => response.end());
  await using edge = await serveEdge(origin.url);
  const socket = await send(
    edge.url,
    'POST /api/cart/lines HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100\r\n\r\n{',
  );
  let text = '';
  socket.on('data', (part) => {
    text += String(part);
  });
  const drip = setInterval(() => socket.write(' '), 500);
  await once(socket, 'close');
  clearInterval(drip);
  expect(text).toContain('HTTP/1.1 408 ');
});

test('Uploads that are not signed are refused before they are read', async () => {
  await using origin = await startOrigin((_request, response) => response.end());
  await using edge = await serveEdge(origin.url);
  const heads = ['', 'Purge-Signature: t=1,v1=00\r\n', `Purge-Signature: t=1,v1=${'0'.repeat(64)}\r\n`];
  for (const signature of heads) {
    const socket = await send(
      edge.url,
      `POST /.edge/purge HTTP/1.1\r\nHost: shop.test\r\n${signature}Content-Length: 3000000\r\n\r\n{`,
    );
    const [part] = await once(socket, 'data');
    expect(String(part)).toContain('HTTP/1.1 401 ');
    socket.destroy();
  }
});

test('Uploads with forged signatures take no room of the renewals', async () => {
  await using origin = await startOrigin((_request, response) => response.end());
  await using edge = await serveEdge(origin.url);
  const forged = `Purge-Signature: t=${edge.clock.now},v1=${'0'.repeat(64)}\r\n`;
  const head = `POST /.edge/purge HTTP/1.1\r\nHost: shop.test\r\n${forged}Content-Length: 3900000\r\n\r\n`;
  const uploads = await Promise.all(
    Array.from({ length: 6 }, () => send(edge.url, head + 'x'.repeat(3_800_000))),
  );
  await expect.poll(() => uploads.every(({ writableLength }) => writableLength < 3_000_000)).toBe(true);
  for (let time = 0; time < 2; time += 1) {
    const body = JSON.stringify({ tags: { 'product:1': 2 + time } });
    const headers = { 'purge-signature': await signPurge(purgeKey, body, edge.clock.now) };
    const answer = await fetch(`${edge.url}/.edge/purge`, { method: 'POST', body, headers });
    expect(answer.status).toBe(200);
  }
  for (const socket of uploads) socket.destroy();
});
