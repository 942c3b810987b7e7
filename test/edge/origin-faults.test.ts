// What is wrong with the origin is told as it is: 502 for no answer, 504 for none in time, with a line in the log; and
// an answer flows as long as it likes.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readEdgeConfig } from '../../edge/config.ts';
import { createMemoryStore } from '../../edge/stored/stored-response.ts';
import { createFaultLog, UpstreamError } from '../../edge/upstream/upstream.ts';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

async function startSocketOrigin(answer: (socket: Socket, asked: number) => void) {
  const sockets = new Set<Socket>();
  let asked = 0;
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('data', () => answer(socket, ++asked));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const edgeBefore = (url: string, silenceMs = 300) => {
  const faults: string[] = [];
  const upstream = {
    silenceMs,
    wholeMs: undefined,
    onCutShort: (error: Error) => faults.push(error.message),
  };
  const shop = startEdge(url, createMemoryStore(1_000_000), upstream, (error) => faults.push(error.message));
  return { ...shop, faults };
};
const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n';

const noAnswer: [what: string, answer: (socket: Socket) => void][] = [
  ['hangs up', (socket) => socket.destroy()],
  ['resets', (socket) => socket.resetAndDestroy()],
  ['speaks no HTTP', (socket) => socket.end('what is this\r\n\r\n')],
  ['ends within its fields', (socket) => socket.end('HTTP/1.1 200 OK\r\nX: ')],
  ['says two lengths', (socket) => socket.end(`${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`)],
];

test.each(noAnswer)(
  'an origin that %s is a 502, for reads and writes, and stands in the log',
  async (_what, answer) => {
    await using origin = await startSocketOrigin(answer);
    const shop = edgeBefore(origin.url);
    for (const method of ['GET', 'POST']) {
      const response = await shop.edge.app.request('http://shop.test/page', { method }, {});
      expect([method, response.status, response.headers.get('retry-after')]).toEqual([method, 502, '2']);
    }
    expect(shop.faults).toEqual(['The origin gave no answer', 'The origin gave no answer']);
  },
);

test('an origin whose port is shut is a 502, and the log names why', async () => {
  const origin = await startSocketOrigin(() => undefined);
  await origin[Symbol.asyncDispose]();
  const lines: [Record<string, unknown>, string][] = [];
  const log = createFaultLog({ warn: (fields, message) => lines.push([fields, message]) });
  const shop = startEdge(origin.url, createMemoryStore(1_000_000), {}, log);
  expect((await shop.get('/page?secret=1')).status).toBe(502);
  expect(lines).toEqual([[{ status: 502, why: 'ECONNREFUSED', path: '/page' }, 'The origin gave no answer']]);
});

test('an origin that does not begin to answer is a 504', async () => {
  await using origin = await startSocketOrigin(() => undefined);
  const shop = edgeBefore(origin.url);
  const response = await shop.get('/page');
  expect([response.status, response.headers.get('retry-after')]).toEqual([504, '2']);
  expect(shop.faults).toEqual(['The origin did not begin its answer in time']);
});

test('an origin that falls silent within an answer that would be kept is a 504', async () => {
  await using origin = await startSocketOrigin((socket) =>
    socket.write(`${head}Cache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nabc`),
  );
  const shop = edgeBefore(origin.url);
  expect((await shop.get('/page')).status).toBe(504);
  expect(shop.faults).toContain('The origin fell silent within its answer');
});

test.each(['max-age=60', 'no-store'])(
  'an answer with %s that flows on is whole, however long it takes',
  async (control) => {
    const pieces = 12;
    await using origin = await startSocketOrigin(async (socket) => {
      socket.write(`${head}Cache-Control: ${control}\r\nContent-Length: ${pieces}\r\n\r\n`);
      for (let piece = 0; piece < pieces; piece++) {
        await delay(100);
        socket.write('x');
      }
    });
    const shop = edgeBefore(origin.url, 400);
    expect(await (await shop.get('/page')).text()).toBe('x'.repeat(pieces));
    expect(shop.faults).toEqual([]);
  },
);

test('an answer that passes through and breaks off stands in the log', async () => {
  await using origin = await startSocketOrigin((socket) =>
    socket.end(`${head}Cache-Control: no-store\r\nContent-Length: 9\r\n\r\nabc`),
  );
  const shop = edgeBefore(origin.url);
  await expect((await shop.get('/page')).text()).rejects.toThrow();
  expect(shop.faults).toEqual(['The origin ended its answer before it was whole']);
});

test('a wish to have a kept answer only is no fault of the origin', async () => {
  await using origin = await startSocketOrigin(() => undefined);
  const shop = edgeBefore(origin.url);
  const response = await shop.get('/page', { 'cache-control': 'only-if-cached' });
  expect([response.status, ((await response.json()) as { code: string }).code, shop.faults]).toEqual([
    504,
    'not-kept',
    [],
  ]);
});

test('a fault that repeats is one line a second, with a count', () => {
  const counts: unknown[] = [];
  let now = 0;
  const log = createFaultLog({ warn: ({ sameSince }) => counts.push(sameSince) }, () => now);
  const fault = new UpstreamError(504, 'The origin did not begin its answer in time');
  for (let time = 0; time < 100; time++) log(fault, '/a');
  log(new UpstreamError(502, 'The origin gave no answer'), '/b');
  now = 1_001;
  log(fault, '/c');
  expect(counts).toEqual([undefined, undefined, 99]);
});

test.each([
  'http://shop.test/base',
  'http://shop.test/?a=b',
  'http://user:word@shop.test',
  'http://shop.test/#x',
  'ftp://shop.test',
])('an ORIGIN_URL like %s is refused at the start', (url) => {
  expect(() => readEdgeConfig({ ORIGIN_URL: url })).toThrow(/ORIGIN_URL: must/);
});

test('silence and length of answers are settings, and what is no number of seconds is refused', () => {
  const read = (env: Record<string, string>) =>
    readEdgeConfig({ ORIGIN_URL: 'http://shop.test:80/', ...env });
  expect(read({})).toMatchObject({ silenceSeconds: 60, responseSeconds: undefined });
  expect(read({ EDGE_SILENCE_SECONDS: '2.5', EDGE_RESPONSE_SECONDS: '30' })).toMatchObject({
    silenceSeconds: 2.5,
    responseSeconds: 30,
  });
  for (const value of ['0', '-1', 'soon', '1e9'])
    expect(() => read({ EDGE_SILENCE_SECONDS: value })).toThrow(/EDGE_SILENCE_SECONDS/);
});

// An origin that hangs up: what may be shown in its place, and what its own word forbids.

async function askedAgainWhenStale(cacheControl: string): Promise<{ status: number; text: string }> {
  let isAway = false;
  await using origin = await startOrigin((_request, response) => {
    if (isAway) return void response.socket?.destroy();
    response.writeHead(200, { 'cache-control': cacheControl }).end('kept');
  });
  const { get, clock } = startEdge(origin.url);
  await (await get('/anything')).text();
  isAway = true;
  clock.now += 3_000;
  const answer = await get('/anything');
  return { status: answer.status, text: await answer.text() };
}

test('a page that has become stale stands in for an origin that hangs up', async () => {
  expect(await askedAgainWhenStale('max-age=2')).toEqual({ status: 200, text: 'kept' });
});

test.each(['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2'])(
  'a page with %s does not: the edge says that the origin is away',
  async (directive) => {
    const { status, text } = await askedAgainWhenStale(`max-age=2, ${directive}`);
    expect(status).toBe(502);
    expect(text).not.toContain('kept');
  },
);
