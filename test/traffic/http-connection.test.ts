// The client of drills and benchmarks reads every answer whole, and throws if none comes.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fieldOf, type HttpConnection, openConnection } from '../../ops-scripts/traffic/http-connection.ts';

const long = 'a'.repeat(100_000);
let server: Server;
let connection: HttpConnection;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/chunks') response.write(long, () => response.end('b'));
    else if (request.url === '/known')
      response.writeHead(304, { etag: request.headers['if-none-match'] }).end();
    else if (request.url === '/last') response.setHeader('connection', 'close').end('bye');
    else if (request.url === '/cut') request.socket.destroy();
    else if (request.url !== '/silent') response.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  connection = openConnection(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 500);
});
afterAll(() => {
  connection?.close();
  server?.closeAllConnections();
  server?.close();
});

test.each([
  ['/plain', 200, 'hello'],
  ['/chunks', 200, `${long}b`],
  ['/known', 304, ''],
  ['/last', 200, 'bye'],
])('%s is read whole, and so is what is asked after it', async (path, status, body) => {
  const answer = await connection.get(path, 'if-none-match: "x"\r\n');
  expect({ status: answer.status, body: answer.body().toString() }).toEqual({ status, body });
  expect(fieldOf(answer.head, 'ETag')).toBe(status === 304 ? '"x"' : undefined);
  expect((await connection.get('/plain')).body().toString()).toBe('hello');
});

test.each([
  ['/cut', 'The connection broke before the answer was complete'],
  ['/silent', 'No answer came in time'],
])('%s is told as it is, and the next request gets its answer', async (path, told) => {
  await expect(connection.get(path)).rejects.toThrow(told);
  expect((await connection.get('/plain')).status).toBe(200);
});
