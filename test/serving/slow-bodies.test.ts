// Clients that send their bodies slowly hold nothing but their own connections. Other shoppers can browse and buy
// meanwhile.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { networkOf } from '../../http/client-address.ts';
import { createRefuseUnreadable } from '../../origin/web/problem.ts';
import { type Serving, serve } from '../../origin/web/serving/serve.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
let server: Serving;
const bodyBounds = { maxBytes: 65_536, shortMs: 400, moreMsPerKibibyte: 0, most: 1_200, mostOfClient: 1_100 };
beforeAll(async () => {
  shop = await openShop();
  const { app, deps } = shop;
  const refuse = createRefuseUnreadable(deps.settings);
  server = await serve({ fetch: app.fetch, refuse, bodyBounds, host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server?.stop(0);
  await shop?.[Symbol.asyncDispose]();
});

const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;
const head = (length: number) =>
  `POST /api/cart/lines HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

/** Begins a request and sends one byte of its body. */
async function beginBody(): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect(server.port, '127.0.0.1');
  let text = '';
  socket.on('data', (part) => {
    text += String(part);
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`${head(100)}{`);
  return { socket, heard: () => text };
}

test('While a thousand bodies come byte by byte, pages are served and pieces are added', {
  timeout: 30_000,
}, async () => {
  const slow = await Promise.all(Array.from({ length: 1_050 }, beginBody));
  const drip = setInterval(() => {
    for (const { socket } of slow) socket.write(' ');
  }, 100);
  const statuses: number[] = [];
  const body = JSON.stringify({ variantId: shop.variants[0]!.id, quantity: 1 });
  for (let time = 0; time < 3; time += 1) {
    statuses.push((await fetch(url('/'))).status);
    const headers = { 'content-type': 'application/json' };
    statuses.push((await fetch(url('/api/cart/lines'), { method: 'POST', body, headers })).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
  clearInterval(drip);
  for (const { socket } of slow) socket.destroy();
});

test('A body that is not whole in time is refused by 408, and its connection ends whatever is sent on it', async () => {
  for (let time = 0; time < 2; time += 1) {
    const { socket, heard } = await beginBody();
    const drip = setInterval(() => socket.write(' '), 50);
    await once(socket, 'close');
    clearInterval(drip);
    expect(heard()).toContain('HTTP/1.1 408 ');
    expect(heard()).toContain('"request-timeout"');
  }
});

test('A body in pieces is read whole, and a client that leaves in its midst takes no room', async () => {
  const json = JSON.stringify({ variantId: shop.variants[0]!.id, quantity: 1 });
  const left = await beginBody();
  left.socket.destroy();
  const socket = connect(server.port, '127.0.0.1');
  let text = '';
  socket.on('data', (part) => {
    text += String(part);
  });
  socket.write(head(json.length) + json.slice(0, 10));
  await new Promise((resolve) => setImmediate(resolve));
  socket.write(json.slice(10));
  await expect.poll(() => text).toContain('HTTP/1.1 200 ');
  socket.destroy();
});

test('The oldest unfinished body makes room where one client has too many', async () => {
  const few = { ...bodyBounds, shortMs: 20_000, mostOfClient: 3 };
  const own = await serve({ fetch: shop.app.fetch, bodyBounds: few, host: '127.0.0.1', port: 0 });
  const sockets: Socket[] = [];
  for (let time = 0; time < 4; time += 1) {
    const socket = connect(own.port, '127.0.0.1').on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(`${head(100)}{`);
    sockets.push(socket);
    // The server must have read the byte before the next client connects.
    await fetch(`http://127.0.0.1:${own.port}/livez`);
  }
  // Long before any of them has had its time.
  await expect
    .poll(() => sockets.map(({ readyState }) => readyState), { timeout: few.shortMs / 2 })
    .toEqual(['closed', 'open', 'open', 'open']);
  for (const socket of sockets) socket.destroy();
  await own.stop(0);
});

test('IPv6 addresses of one network count as one client', () => {
  expect(networkOf('2001:DB8:0:1::1')).toBe(networkOf('2001:db8:0:1:ffff:0:0:2'));
  expect(networkOf('2001:db8::1')).toBe(networkOf('2001:db8:0:0:1::'));
  expect(networkOf('2001:db8:0:1::1')).not.toBe(networkOf('2001:db8:0:2::1'));
  expect(networkOf('::1')).toBe('0:0:0:0');
  expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
});
