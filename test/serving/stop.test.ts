// A stop cuts no answer that a slow client is still reading, and leaves no idle connection open.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { serve } from '../../origin/web/serving/serve.ts';

/** More than the kernel takes off our hands for a client that does not read. */
const body = new Uint8Array(24 * 1024 * 1024);

async function openServer() {
  return serve({ fetch: () => new Response(body), host: '127.0.0.1', port: 0 });
}

async function ask(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  return socket;
}

async function readBytes(socket: Socket): Promise<number> {
  let bytes = 0;
  for await (const chunk of socket) bytes += (chunk as Buffer).length;
  return bytes;
}

test('an answer that is written and not yet sent arrives whole', async () => {
  const server = await openServer();
  const socket = await ask(server.port);
  await once(socket, 'readable');
  const stopped = server.stop(20_000);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await readBytes(socket)).toBeGreaterThan(body.length);
  await stopped;
});

test('an idle connection is closed at once', async () => {
  const server = await openServer();
  const socket = await ask(server.port);
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    if (bytes > body.length) break;
  }
  const began = performance.now();
  await server.stop(20_000);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('a connection that has not asked yet is answered', async () => {
  const server = await openServer();
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  await new Promise((resolve) => setTimeout(resolve, 50));
  const stopped = server.stop(20_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  expect(await readBytes(socket)).toBeGreaterThan(body.length);
  await stopped;
});
