// The limits on bodies and unreadable requests hold under Deno as under Node. The test of streamed bodies runs only
// under Node, because it takes 30 s or more.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** An app that reads bodies of up to 100 KB, served like origin and worker. */
const program = `
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createRefuseUnreadable } from './origin/web/problem.ts';
import { serve } from './origin/web/serving/serve.ts';
const settings = { zone: 'a', instance: 'b', siteUrl: 'http://localhost' };
const refuse = createRefuseUnreadable(settings);
const bodyBounds = { maxBytes: 65_536, moreMsPerKibibyte: 0, most: 100, mostOfClient: 4 };
const app = new Hono().get('/', (c) => c.text('page'))
  .post('/', bodyLimit({ maxSize: 100_000 }), async (c) => c.text(String((await c.req.text()).length)));
const shop = { fetch: app.fetch, refuse, host: '127.0.0.1', port: 0 };
for (const shortMs of [700, 30_000])
  console.log((await serve({ ...shop, bodyBounds: { ...bodyBounds, shortMs } })).port);
`;

const head = (framing: string) =>
  `POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\n${framing}\r\n\r\n`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe('under Deno', () => {
  let child: ChildProcess;
  let port: number;
  let patientPort: number;
  beforeAll(async () => {
    child = spawn('deno', ['eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit').then(([code]) => expect.fail(`deno ended with ${code}`));
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    const nextPort = async () => Number((await Promise.race([lines.next(), ended])).value);
    port = await nextPort();
    patientPort = await nextPort();
    ended.catch(() => undefined);
  });
  afterAll(() => void child?.kill('SIGKILL'));

  async function begin(text: string, at = port): Promise<{ socket: Socket; heard: () => string }> {
    const socket = connect(at, '127.0.0.1').on('error', () => undefined);
    let heard = '';
    socket.on('data', (part) => {
      heard += String(part);
    });
    await once(socket, 'connect');
    socket.write(text);
    return { socket, heard: () => heard };
  }
  /** Sends one byte every 50 ms until the connection ends. */
  async function drip(start: string, piece: string): Promise<string> {
    const { socket, heard } = await begin(start);
    const timer = setInterval(() => socket.write(piece), 50);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(timer);
    return heard();
  }

  test('a body that does not come whole in time is refused by 408, however its length is told', async () => {
    const answers = await Promise.all([
      drip(`${head('Content-Length: 100')}x`, 'x'),
      drip(head('Transfer-Encoding: chunked'), chunk('x')),
    ]);
    for (const answer of answers) {
      expect(answer).toContain('HTTP/1.1 408 ');
      expect(answer).toContain('"request-timeout"');
    }
  });

  test('a body that is too long is refused by 413, and one that fits is read whole', async () => {
    const send = async (bytes: number, isChunked: boolean) => {
      const text = 'x'.repeat(bytes);
      const body = isChunked ? new Blob([text]).stream() : text;
      const answer = await fetch(`http://127.0.0.1:${port}`, {
        method: 'POST',
        body,
        duplex: 'half',
      } as RequestInit);
      return [answer.status, answer.ok ? Number(await answer.text()) : undefined];
    };
    for (const isChunked of [false, true]) {
      for (const bytes of [1, 65_536, 65_537, 100_000])
        expect(await send(bytes, isChunked)).toEqual([200, bytes]);
      expect(await send(100_001, isChunked)).toEqual([413, undefined]);
    }
  });

  test('a request that can be read in two ways is refused, with the headers that every answer bears', async () => {
    for (const start of [
      'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
      'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
    ]) {
      const answer = await drip(start, '');
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff');
    }
  });

  test('the oldest unfinished body makes room where one client has too many, and pages are served', async () => {
    const sockets: Socket[] = [];
    for (let time = 0; time < 5; time += 1) {
      sockets.push((await begin(`${head('Content-Length: 100')}x`, patientPort)).socket);
      expect(await (await fetch(`http://127.0.0.1:${patientPort}`)).text()).toBe('page');
    }
    // Long before any of them has had its time.
    await expect
      .poll(() => sockets.map(({ readyState }) => readyState), { timeout: 15_000 })
      .toEqual(['closed', 'open', 'open', 'open', 'open']);
    for (const socket of sockets) socket.destroy();
  });
});
