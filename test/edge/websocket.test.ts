// WebSockets pass through once the origin has agreed; every other upgrade is a plain request, and no tunnel leads past
// the edge.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { startOrigin } from './support/origin.ts';
import { listen, sendRaw, serveEdge } from './support/server.ts';

const handshake = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

/** Says back each short text that it hears (RFC 6455). */
function startEcho(): { server: Server; asked: IncomingMessage[] } {
  const asked: IncomingMessage[] = [];
  const server = createServer().on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    asked.push(request);
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => socket.destroy());
    socket.on('data', (frame: Buffer) => {
      if ((frame[0]! & 15) === 8) return void socket.end(Buffer.from([0x88, 0]));
      const length = frame[1]! & 127;
      const mask = frame.subarray(2, 6);
      const text = frame.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]!);
      socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
    });
  });
  return { server, asked };
}

test('a browser speaks with the origin through the edge, which says who it is', async () => {
  const { server, asked } = startEcho();
  const originUrl = await listen(server);
  await using edge = await serveEdge(originUrl);
  const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/live?room=1`);
  await once(socket, 'open');
  for (const said of ['hello', 'once more']) {
    const heard = once(socket, 'message') as Promise<[MessageEvent]>;
    socket.send(said);
    expect((await heard)[0].data).toBe(said);
  }
  expect(asked[0]!.url).toBe('/live?room=1');
  expect(asked[0]!.headers['x-forwarded-for']).toBe('127.0.0.1');
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  server.closeAllConnections();
  server.close();
});

test('where the origin refuses, its answer ends the connection: what follows never reaches it', async () => {
  await using origin = await startOrigin((_request, response) => response.writeHead(403).end('not here'));
  await using edge = await serveEdge(origin.url);
  const answer = await sendRaw(
    edge.url,
    `${handshake('/live')}GET /hidden HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 403/);
  expect(answer).toMatch(/connection: close/i);
  expect(answer).toContain('not here');
  expect(origin.asked.map(({ url }) => url)).toEqual(['/live']);
});

test('an upgrade to anything else is a plain request', async () => {
  await using origin = await startOrigin((_request, response) => response.end('plain'));
  await using edge = await serveEdge(origin.url);
  const answer = await sendRaw(
    edge.url,
    'GET /cart HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200/);
  for (const name of ['upgrade', 'http2-settings']) expect(origin.asked[0]!.headers).not.toHaveProperty(name);
});

test('where the origin is away, the answer is a clear 502', async () => {
  const origin = await startOrigin((_request, response) => response.end());
  await origin[Symbol.asyncDispose]();
  await using edge = await serveEdge(origin.url);
  expect(await sendRaw(edge.url, handshake('/live'))).toMatch(/^HTTP\/1\.1 502[\s\S]*"code":"origin-away"/);
});
