// Whatever is asked, the edge holds no more than its bounds: addresses without end, huge bodies, many at once, many
// variants.
import { expect, test } from 'vitest';
import { createEdge } from '../../edge/app.ts';
import { createMemoryStore } from '../../edge/stored/stored-response.ts';
import { createNodeUpstream } from '../../edge/upstream/upstream-node.ts';
import { startEdge } from './support/edge.ts';
import { startOrigin } from './support/origin.ts';

const kept = { 'cache-control': 'public, max-age=60' };

test('addresses without end push one another out', async () => {
  await using origin = await startOrigin((_request, response) => response.writeHead(200, kept).end('page'));
  const store = createMemoryStore(500_000);
  const { get } = startEdge(origin.url, store);
  for (let at = 0; at < 600; at++) {
    await (await get(`/any?${'long'.repeat(100)}=${at}`)).text();
    expect(store.bytes()).toBeLessThanOrEqual(500_000);
  }
  expect(store.bytes()).toBeGreaterThan(400_000);
});

test('a long address counts with its own length', async () => {
  await using origin = await startOrigin((_request, response) => response.writeHead(200, kept).end());
  const store = createMemoryStore(500_000);
  const { get } = startEdge(origin.url, store);
  await (await get(`/any?${'x'.repeat(5_000)}`)).text();
  expect(store.bytes()).toBeGreaterThan(10_000);
});

test('an address has a bounded number of variants, however many a client makes up', async () => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { ...kept, vary: 'x-made-up' }).end('page');
  });
  const store = createMemoryStore(10_000_000);
  const { get } = startEdge(origin.url, store);
  for (let at = 0; at < 50; at++) await (await get('/any', { 'x-made-up': String(at) })).text();
  expect(await store.get('shop.test/any')).toHaveLength(12);
});

test('a body past the bound passes whole and is not kept', async () => {
  const body = Buffer.alloc(9_000_000, 'x');
  await using origin = await startOrigin((_request, response) => response.writeHead(200, kept).end(body));
  const store = createMemoryStore(100_000_000);
  const { get } = startEdge(origin.url, store);
  const answer = await get('/huge');
  expect((await answer.arrayBuffer()).byteLength).toBe(body.length);
  expect(store.bytes()).toBe(0);
});

test('bodies that are read at once share one room: where it is full, pages pass and are not kept; then it is free again', async () => {
  const half = Buffer.alloc(60_000, 'x');
  const finish: (() => void)[] = [];
  let isSlow = true;
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, kept);
    if (!isSlow) return void response.end(half);
    response.write(half);
    finish.push(() => response.end(half));
  });
  const store = createMemoryStore(10_000_000);
  const edge = createEdge({
    store,
    upstream: createNodeUpstream({
      originUrl: origin.url,
      silenceMs: 10_000,
      wholeMs: 10_000,
      maxConnections: 50,
      maxCalls: 50,
    }),
    purgeKey: undefined,
    leaseSeconds: 3,
    servedBy: 'test/edge',
    maxBytesInMemory: 200_000,
  });
  const ask = async (path: string) => {
    const answer = await edge.app.request(`http://shop.test${path}`, {}, {});
    return { size: (await answer.arrayBuffer()).byteLength, status: answer.headers.get('cache-status') };
  };
  const asked = Array.from({ length: 8 }, (_, at) => ask(`/page/${at}`));
  await expect.poll(() => finish.length, { timeout: 10_000 }).toBe(8);
  for (const end of finish) end();
  const answers = await Promise.all(asked);
  expect(answers.map(({ size }) => size)).toEqual(Array.from({ length: 8 }, () => 120_000));
  expect(answers.filter(({ status }) => status?.includes('stored')).length).toBeLessThan(4);
  isSlow = false;
  expect((await ask('/later')).status).toContain('stored');
});

test('a body that drips without end is given up at the deadline of the whole, and what was kept stands in', async () => {
  let drips = false;
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=1, stale-if-error=60', 'content-length': '1000' });
    if (!drips) return void response.end('x'.repeat(1_000));
    const timer = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(timer));
  });
  const shop = startEdge(origin.url, createMemoryStore(1_000_000), { wholeMs: 300 });
  await (await shop.get('/page')).text();
  drips = true;
  expect((await shop.get('/never-kept')).status).toBe(502);
  shop.clock.now += 2_000;
  const answer = await shop.get('/page');
  expect([answer.status, (await answer.text()).length]).toEqual([200, 1_000]);
  expect(answer.headers.get('cache-status')).toContain('stale-if-error');
});

// Bodies whose length is not said beforehand are bounded as those whose length is.

const mebibyte = new Uint8Array(1_048_576);

/** A body in chunks of one mebibyte, and how many were taken of it. */
function chunked(count: number) {
  const body = { taken: 0 };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (body.taken === count) return controller.close();
        body.taken++;
        controller.enqueue(mebibyte);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, stream };
}

async function postTo(path: string, count: number, headers: Record<string, string> = {}) {
  let whole = 0;
  await using origin = await startOrigin(async (request, response) => {
    let size = 0;
    try {
      for await (const chunk of request) size += (chunk as Buffer).length;
      whole++;
      response.end(String(size));
    } catch {
      response.destroy();
    }
  });
  const { edge } = startEdge(origin.url);
  const { body, stream } = chunked(count);
  const init = { method: 'POST', body: stream, duplex: 'half', headers } as RequestInit;
  const answer = await edge.app.request(`http://shop.test${path}`, init, {});
  return { status: answer.status, text: await answer.text(), taken: body.taken, whole };
}

test('a body in chunks below the bound arrives whole', async () => {
  expect(await postTo('/api/cart/lines', 15)).toMatchObject({ status: 200, text: String(15 * 1_048_576) });
});

test('a body in chunks past the bound is broken off, refused as too large, and never whole at the origin', async () => {
  const answer = await postTo('/api/cart/lines', 64);
  expect(answer).toMatchObject({ status: 413, whole: 0 });
  expect(answer.taken).toBeLessThan(20);
});

test('a purge in chunks past its bound is not read to its end', async () => {
  const forged = { 'purge-signature': `t=${Date.now()},v1=${'0'.repeat(64)}` };
  const answer = await postTo('/.edge/purge', 64, forged);
  expect(answer.status).toBe(413);
  expect(answer.taken).toBeLessThan(8);
});
