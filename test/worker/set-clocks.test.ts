// Clocks that are set by ten minutes, on either side: a change is confirmed by the edge, never shown old, and the
// edge's lease is soon renewed.
import { expect, test } from 'vitest';
import { createEdge } from '../../edge/app.ts';
import { createFence } from '../../edge/fence.ts';
import { createMemoryStore } from '../../edge/stored/stored-response.ts';
import { clockHeader, signPurge } from '../../http/purge-signature.ts';
import { openPurgeChannel } from '../../worker/purge-channel.ts';
import { createPeerClock } from '../../worker/purge-edges.ts';
import { purgeKey } from '../edge/support/edge.ts';

const leaseSeconds = 2;
const wait = { timeout: 10_000, interval: 20 };

class SetClock {
  offMs = 0;
  readonly wallMs = () => Date.now() + this.offMs;
  readonly monotonicMs = () => performance.now();
}

function openPair(useEdgeClock = true) {
  const [edgeClock, workerClock] = [new SetClock(), new SetClock()];
  let version = 1;
  let asked = 0;
  const { app, fence } = createEdge({
    store: createMemoryStore(1_000_000),
    upstream: async () => {
      asked += 1;
      const headers = new Headers({
        'cache-tag': `product:1@${version}`,
        'cdn-cache-control': 'max-age=6000',
        'content-type': 'text/plain',
        date: new Date(edgeClock.wallMs()).toUTCString(),
      });
      return { status: 200, statusText: 'OK', headers, body: new Response(String(version)).body };
    },
    clock: edgeClock,
    purgeKey,
    leaseSeconds,
    servedBy: 'test/edge',
  });
  const clock = createPeerClock(workerClock);
  const channel = openPurgeChannel({
    url: 'http://edge.test',
    leaseMs: leaseSeconds * 1_000,
    clock: useEdgeClock ? clock : workerClock,
    pending: {},
    storePending: async () => undefined,
    clearPending: async () => undefined,
    send: async (_url, tags, t, renews) => {
      const body = JSON.stringify({ tags, ...(renews ? { since: clock.sinceOf(t) } : { renews }) });
      const headers = { 'purge-signature': await signPurge(purgeKey, body, t) };
      const answer = await app.request('http://edge.test/.edge/purge', { method: 'POST', body, headers });
      clock.hear(answer.headers.get(clockHeader));
      if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
    },
  });
  return {
    edgeClock,
    workerClock,
    fence,
    show: async () => (await app.request('http://edge.test/p')).text(),
    asked: () => asked,
    change: () => channel.purge({ 'product:1': ++version }, new AbortController().signal),
    version: () => version,
    [Symbol.dispose]: () => channel.close(),
  };
}

test.each([
  ['edge', 600_000],
  ['edge', -600_000],
  ['worker', 600_000],
  ['worker', -600_000],
] as const)('The clock of the %s may be set by %i ms', async (whose, ms) => {
  using pair = openPair();
  await expect.poll(() => pair.fence.leaseLeftMs(), wait).toBeGreaterThan(0);
  for (let turn = 0; turn < 2; turn++) {
    await pair.show();
    (whose === 'edge' ? pair.edgeClock : pair.workerClock).offMs += ms;
    const before = performance.now();
    expect(await pair.change()).toBe('confirmed');
    expect(performance.now() - before).toBeLessThan(leaseSeconds * 1_000);
    expect(await pair.show()).toBe(String(pair.version()));
    await expect.poll(() => pair.fence.leaseLeftMs(), wait).toBeGreaterThan(0);
    expect(pair.fence.leaseLeftMs()).toBeLessThanOrEqual(leaseSeconds * 1_000);
    const asked = pair.asked();
    for (let n = 0; n < 3; n++) await pair.show();
    expect(pair.asked()).toBeLessThanOrEqual(asked + 1);
  }
});

test('A worker that dates its purges by its own clock alone would leave the cache useless', async () => {
  using pair = openPair(false);
  await expect.poll(() => pair.fence.leaseLeftMs(), wait).toBeGreaterThan(0);
  pair.workerClock.offMs += 600_000;
  expect(await pair.change()).toBe('silent');
  expect(pair.fence.leaseLeftMs()).toBe(0);
});

test('A purge that was held up while the clock was set back renews nothing, nor does one that says so', () => {
  let wallMs = 1_000_000;
  let monotonicMs = 0;
  const fence = createFence(3_000, { wallMs: () => wallMs, monotonicMs: () => monotonicMs });
  const signed = { t: wallMs, since: monotonicMs };
  monotonicMs += 600_000;
  expect(fence.renew(signed.t, signed.since)).toBe(false);
  expect(fence.leaseLeftMs()).toBe(0);
  expect(fence.renew(wallMs, monotonicMs)).toBe(true);
  wallMs -= 600_000;
  monotonicMs += 1_000;
  expect(fence.renew(wallMs - 600_000, monotonicMs)).toBe(true);
  monotonicMs += 3_000;
  expect(fence.leaseLeftMs()).toBe(0);
});
