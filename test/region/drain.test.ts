// A balancer that relies on health checks alone cuts off answers of a stopping origin. One that drains it first does
// not.
// Requests that hash passwords take no capacity from pages.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { startBalancer } from '../../ops-scripts/region/balancer.ts';

/** Much longer than a balancer takes to see that an origin is not ready. */
const slowMs = 3_000;

interface Origin {
  name: string;
  port: number;
  ready: boolean;
  slow: number;
  /** The number of sign-ins that have begun. Each waits for `letGo`. */
  signIns: number;
  letGo: AbortController;
}

async function startOrigin(standing: AsyncDisposableStack, name: string): Promise<Origin> {
  const origin: Origin = {
    name,
    port: await findFreePort(),
    ready: true,
    slow: 0,
    signIns: 0,
    letGo: new AbortController(),
  };
  const server = createServer(async (request, response) => {
    if (request.url === '/readyz') return void response.writeHead(origin.ready ? 200 : 503).end();
    if (request.url === '/slow') {
      origin.slow += 1;
      await delay(slowMs);
    }
    if (request.method === 'POST') {
      origin.signIns += 1;
      if (!origin.letGo.signal.aborted) await once(origin.letGo.signal, 'abort');
    }
    response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(origin.port, '127.0.0.1', resolve));
  standing.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return origin;
}

async function openBalancedPair() {
  const standing = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-drain-'));
  standing.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [a, b] = [await startOrigin(standing, 'a'), await startOrigin(standing, 'b')];
  const storefrontPort = await findFreePort();
  const balancer = await startBalancer({
    plan: { storefrontPort, host: '127.0.0.1', origins: [a, b], sticky: false, stores: [] },
    folder: join(folder, 'balancer'),
    logFile: join(folder, 'balancer.log'),
    toolsFolder: join(folder, 'tools'),
    signal: new AbortController().signal,
    onEvent: () => undefined,
    onStarted: () => undefined,
  });
  standing.defer(() => balancer.stop());
  const ask = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${storefrontPort}${path}`, init).then(
      (response) => response.text(),
      () => 'cut',
    );
  /** The origins that answer many requests. */
  const answering = async () => new Set(await Promise.all(Array.from({ length: 12 }, () => ask('/'))));
  /** Four slow requests, some of them at `a`. */
  const askSlowly = async () => {
    const answers = Promise.all(Array.from({ length: 4 }, () => ask('/slow')));
    await expect.poll(() => a.slow).toBeGreaterThan(0);
    return { answers };
  };
  await expect.poll(answering).toEqual(new Set(['a', 'b']));
  return { a, b, balancer, ask, answering, askSlowly, [Symbol.asyncDispose]: () => standing.disposeAsync() };
}

test('An origin that is drained before it reports not ready finishes its requests and gets no new ones', async () => {
  await using pair = await openBalancedPair();
  const slow = await pair.askSlowly();
  await pair.balancer.drain('a');
  pair.a.ready = false;
  expect(await pair.answering()).toEqual(new Set(['b']));
  expect(await slow.answers).not.toContain('cut');
  expect(await slow.answers).toContain('a');
  pair.a.ready = true;
  await pair.balancer.admit('a');
  await expect.poll(pair.answering).toEqual(new Set(['a', 'b']));
});

test('An origin that only reports not ready is cut off, because a frozen one must not hold its shoppers', async () => {
  await using pair = await openBalancedPair();
  const slow = await pair.askSlowly();
  pair.a.ready = false;
  expect(await slow.answers).not.toContain('a');
});

test("Password guesses take at most a fifth of an origin's capacity, and a drained origin gets none", async () => {
  await using pair = await openBalancedPair();
  const guess = () => pair.ask('/api/sessions', { method: 'POST', body: '{}' });
  const guesses = Array.from({ length: 240 }, guess);
  await expect.poll(() => pair.a.signIns + pair.b.signIns).toBe(40);
  expect(await pair.answering()).toEqual(new Set(['a', 'b']));
  expect(pair.a.signIns + pair.b.signIns).toBe(40);
  await pair.balancer.drain('a');
  const before = pair.a.signIns;
  pair.a.letGo.abort();
  pair.b.letGo.abort();
  const answers = await Promise.all(guesses);
  expect(answers).not.toContain('cut');
  expect(pair.a.signIns).toBe(before);
  expect(pair.b.signIns).toBe(240 - before);
});
