// An answer that a client does not read is ended together with its source. One that is read slowly arrives whole.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { endUnreadAnswers, usualReadingBounds } from '../../http/unread-answers.ts';

const bounds = { ...usualReadingBounds, silenceMs: 1_500, slowAfterMs: 4_000, leastBytesPerSecond: 500_000 };
const piece = Buffer.alloc(64 * 1024);

async function listen(server: Server): Promise<number> {
  endUnreadAnswers(server, bounds);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

function ask(port: number, times = 1) {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n'.repeat(times));
  return socket;
}

test.each([
  ['long', 64_000_000, 1],
  ['asked for again and again', 300_000, 200],
])('An answer that is %s and not read ends its connection', async (_, bytes, times) => {
  let closed = 0;
  const server = createServer((_request, response) => {
    response.on('close', () => (closed += response.writableFinished ? 0 : 1));
    response.end(Buffer.alloc(bytes));
  });
  const port = await listen(server);
  const socket = ask(port, times).pause();
  await expect.poll(() => closed, { timeout: 20_000 }).toBeGreaterThan(0);
  expect(await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0);
  socket.destroy();
  server.close();
});

test('A stream ends for a client that reads a little now and then, and goes on for one that is only late', async () => {
  let cutOff = 0;
  const server = createServer(async (_request, response) => {
    response.setMaxListeners(0).on('error', () => undefined);
    const gone = once(response, 'close');
    for (let n = 0; !response.destroyed && n < 2_000; n++)
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), gone]);
    if (response.destroyed) cutOff += 1;
    else response.end();
  });
  const port = await listen(server);
  const dripping = ask(port).pause();
  const sips = setInterval(() => dripping.read(1_000), 200);
  await expect.poll(() => cutOff, { timeout: 30_000 }).toBe(1);
  clearInterval(sips);
  dripping.destroy();

  const late = ask(port);
  let taken = 0;
  late.on('data', (bytes) => (taken += bytes.length));
  const pauses = setInterval(() => void (late.isPaused() ? late.resume() : late.pause()), 400);
  await expect.poll(() => taken, { timeout: 50_000 }).toBeGreaterThanOrEqual(2_000 * piece.length);
  expect(cutOff).toBe(1);
  clearInterval(pauses);
  late.destroy();
  server.closeAllConnections();
  server.close();
});
