// Edge, origin and worker as processes with a small collector: one trace covers a change from the click to the last
// cache.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { type RunningProgram, runProgram } from '../support/run-program.ts';
import { type Json, openShop, type Shop, staffAccount } from '../support/shop.ts';

interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  service: string;
  startTimeUnixNano: string;
  attributes: { key: string; value: Json }[];
}

const spans: CollectedSpan[] = [];
/** Status of the collector's answers, which must not affect the shop. */
let status = 200;
const collector = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end('{}');
    if (status !== 200) return;
    expect([request.url, request.headers['content-type']]).toEqual(['/v1/traces', 'application/json']);
    const { resourceSpans } = JSON.parse(Buffer.concat(parts).toString()) as Json;
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = resource.attributes.find(({ key }: Json) => key === 'service.name').value.stringValue;
      for (const scope of scopeSpans) for (const span of scope.spans) spans.push({ ...span, service });
    }
  });
});

const standing = new AsyncDisposableStack();
let shop: Shop;
let edgeUrl: string;
beforeAll(async () => {
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  standing.defer(() => {
    collector.closeAllConnections();
    collector.close();
  });
  shop = standing.use(await openShop());
  await shop.staff();
  const [originPort, edgePort, workerPort] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ];
  const { settings } = shop.deps;
  edgeUrl = `http://127.0.0.1:${edgePort}`;
  const env = {
    DATABASE_URL: settings.databaseUrl,
    REDIS_URL: settings.redisUrls.join(','),
    COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
    DATA_DIR: shop.dataDir,
    PORT: String(originPort),
    WORKER_PORT: String(workerPort),
    EDGE_PORT: String(edgePort),
    ORIGIN_URL: `http://127.0.0.1:${originPort}`,
    EDGE_URLS: edgeUrl,
    EDGE_PURGE_KEY: 'a-purge-key-of-the-tests-32-letters',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/`,
  };
  const programs = ['edge', 'origin', 'worker'].map((name) =>
    standing.use(runProgram(`${name}/main.ts`, [], env)),
  );
  await Promise.all(programs.map((program) => program.line(/"msg":"(ready|edge listens)"/)));
  worker = programs[2]!;
});
let worker: RunningProgram;
afterAll(() => standing.disposeAsync());

const headers = { 'Content-Type': 'application/json', Origin: '' };

async function signIn(): Promise<string> {
  headers.Origin = edgeUrl;
  const answer = await fetch(`${edgeUrl}/api/sessions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(staffAccount),
  });
  expect(answer.status).toBe(201);
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
}

async function changePrice(cookie: string, traceparent: string, amount: number): Promise<Json> {
  const product = (await (await fetch(`${edgeUrl}/api/products/plain-tee`)).json()) as Json;
  const answer = await fetch(`${edgeUrl}/api/staff/products/${product.id}`, {
    method: 'PATCH',
    headers: { ...headers, Cookie: cookie, Prefer: 'wait=5', traceparent },
    body: JSON.stringify({ price: { amount, currency: 'EUR' } }),
  });
  return answer.json();
}

const of = (traceId: string) => spans.filter((span) => span.traceId === traceId);

test('A change is one trace from the click to the last cache, twice, and a collector that is away costs nothing', async () => {
  const cookie = await signIn();
  let whole = 0;
  // A purge may carry two changes, such as this one and its lists. Its trace is that of the newer one, so that some
  // changes are without it.
  for (let turn = 0; whole < 2; turn++) {
    expect(turn, 'changes made').toBeLessThan(8);
    const traceId = `4bf92f3577b34da6a3ce929d0e0e473${turn}`;
    const { invalidation } = await changePrice(cookie, `00-${traceId}-00f067aa0ba902b7-01`, 1_500 + turn);
    expect(invalidation.state).toBe('done');
    const names = () => of(traceId).map(({ service, name }) => `${service} ${name}`);
    await expect
      .poll(names, { timeout: 20_000, interval: 100 })
      .toEqual(
        expect.arrayContaining([
          'myclothes-edge PATCH /api/staff/…',
          'myclothes-edge ask origin',
          'myclothes-origin PATCH /api/staff/products/:id',
          'myclothes-origin postgres UPDATE',
          'myclothes-worker job invalidate',
          expect.stringMatching(/^myclothes-worker redis /),
          'myclothes-worker purge edge',
        ]),
      );
    // The edge sends its spans at least once a second.
    const isWhole = await vi
      .waitFor(() => expect(names()).toContain('myclothes-edge POST /.edge/purge'), { timeout: 4_000 })
      .then(
        () => true,
        () => false,
      );
    if (isWhole) whole += 1;
    // Each span's parent is another span of the trace, or the caller's own.
    const ids = new Set([...of(traceId).map(({ spanId }) => spanId), '00f067aa0ba902b7']);
    expect(of(traceId).filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ''))).toEqual([]);
    const job = of(traceId).find(({ name }) => name === 'job invalidate')!;
    const request = of(traceId).find(
      ({ service, name }) => service.endsWith('origin') && name.startsWith('PATCH'),
    )!;
    expect(job.parentSpanId).toBe(request.spanId);
    expect(BigInt(job.startTimeUnixNano)).toBeGreaterThan(BigInt(request.startTimeUnixNano));
  }
  const told = JSON.stringify(spans);
  for (const secret of [staffAccount.email, staffAccount.password, cookie.slice(-30)])
    expect(told).not.toContain(secret);

  status = 503;
  const { invalidation } = await changePrice(cookie, '', 1_700);
  expect(invalidation.state).toBe('done');
  await worker.line(/Cannot send spans to the collector/);
});
