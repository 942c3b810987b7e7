// A worker that is told to stop ends in time whatever a mail server does, and lets another one purge at once.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runProgram } from '../support/run-program.ts';
import { openShop, type Shop } from '../support/shop.ts';

let shop: Shop;
const standing = new AsyncDisposableStack();
let edgeUrl: string;
beforeAll(async () => {
  shop = standing.use(await openShop());
  const edge = createHttpServer((request, response) => {
    request.resume().on('end', () => response.end('{}'));
  });
  edgeUrl = `http://127.0.0.1:${await listen(edge)}`;
  standing.defer(() => void edge.close());
});
afterAll(() => standing.disposeAsync());

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Each line a byte at a time, for ever. */
function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => socket.write(text[at++ % text.length]!), 20);
  socket.on('close', () => clearInterval(timer));
}

/** A server that takes a mail, and after its end says so without an end. */
function dripAtEnd(socket: Socket): void {
  socket.write('220 here\r\n');
  let heard = '';
  let isText = false;
  socket.on('data', (part) => {
    heard += String(part);
    if (isText) {
      if (heard.endsWith('\r\n.\r\n')) drip(socket, '250-taken\r\n');
      return;
    }
    if (!heard.endsWith('\r\n')) return;
    isText = /^DATA/im.test(heard);
    heard = '';
    socket.write(isText ? '354 go on\r\n' : '250 yes\r\n');
  });
}

const servers: Record<string, (socket: Socket) => void> = {
  'says nothing': () => undefined,
  'ends each connection': (socket) => void socket.end(),
  'greets byte by byte and never ends': (socket) => drip(socket, '220-still here\r\n'),
  'answers the text byte by byte and never ends': dripAtEnd,
};

test.each(Object.keys(servers))(
  'A worker stops within 10 s with a mail server that %s, and gives back the right to purge',
  async (kind) => {
    await using own = new AsyncDisposableStack();
    const { db, settings } = shop.deps;
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      servers[kind]!(socket);
    });
    const port = await listen(server);
    own.defer(() => void server.close());
    const worker = own.use(
      runProgram('worker/main.ts', [], {
        DATABASE_URL: settings.databaseUrl,
        REDIS_URL: settings.redisUrls.join(','),
        COOKIE_KEYS: settings.cookieKeys.join(','),
        DATA_DIR: shop.dataDir,
        WORKER_PORT: '0',
        SMTP_URL: `smtp://127.0.0.1:${port}`,
        EDGE_URLS: edgeUrl,
        EDGE_PURGE_KEY: 'a-key-of-tests-that-is-long-enough',
        EDGE_LEASE_SECONDS: '1',
      }),
    );
    await worker.line(/"ready"/);
    const holders = async () =>
      (await sql`select from edge_purger where held_until > now()`.execute(db)).rows.length;
    await vi.waitFor(async () => expect(await holders()).toBe(1), { timeout: 20_000, interval: 50 });
    await shop.browser().buy(shop.variants[0]!.id, 1, { email: `${port}@example.com` });
    await vi.waitFor(() => expect(connections).toBeGreaterThan(0), { timeout: 20_000, interval: 20 });
    if (kind.startsWith('answers'))
      await vi.waitFor(
        async () => {
          const held = await sql`
          select from outbox where kind = 'mail' and claimed_until > now() + interval '5 minutes'`.execute(
            db,
          );
          expect(held.rows.length).toBeGreaterThan(0);
        },
        { timeout: 20_000, interval: 20 },
      );
    const toldAtMs = performance.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exitCode).toBe(0);
    expect(performance.now() - toldAtMs).toBeLessThan(10_000);
    expect(await holders()).toBe(0);
  },
  60_000,
);
