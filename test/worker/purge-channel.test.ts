// The purge channel confirms a change only when a purge that bore it was answered, and measures silence by the
// monotonic clock.
import { afterEach, expect, test, vi } from 'vitest';
import type { TagVersions } from '../../http/cache-tag.ts';
import { openPurgeChannel } from '../../worker/purge-channel.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('Two changes of one tag while an older purge is on its way are confirmed by the next purge, not by that one', async () => {
  const purges: { tags: TagVersions; answer: () => void }[] = [];
  const channel = openPurgeChannel({
    url: 'http://edge.test',
    leaseMs: 60_000,
    pending: {},
    send: (_url, tags) => new Promise((answer) => purges.push({ tags, answer })),
    storePending: async () => undefined,
    clearPending: async () => undefined,
  });
  const confirmed: number[] = [];
  const { signal } = new AbortController();
  const change = (version: number) =>
    channel.purge({ 'product:1': version }, signal).then(() => confirmed.push(version));
  const changes = [change(2), change(3)];
  expect(purges.map(({ tags }) => tags)).toEqual([{}]);
  purges[0]!.answer();
  await expect.poll(() => purges).toHaveLength(2);
  expect(confirmed).toEqual([]);
  expect(purges[1]!.tags).toEqual({ 'product:1': 3 });
  purges[1]!.answer();
  await Promise.all(changes);
  expect(confirmed).toEqual([2, 3]);
  channel.close();
});

test('More than an edge reads at once goes in parts, of which only the one that carries the rest may renew its lease', async () => {
  const purges: { tags: TagVersions; t: number }[] = [];
  const startedAt = Date.now();
  const cleared: number[] = [];
  const tagsOf = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`slug:${'%D0%9A'.repeat(100)}${n}`, 1]));
  const channel = openPurgeChannel({
    url: 'http://edge.test',
    leaseMs: 60_000,
    pending: tagsOf(4_000),
    send: async (_url, tags, t) => {
      purges.push({ tags, t });
    },
    storePending: async () => undefined,
    clearPending: async (tags) => {
      cleared.push(Object.keys(tags).length);
    },
  });
  await expect.poll(() => purges.length).toBeGreaterThanOrEqual(3);
  channel.close();
  const told = purges.flatMap(({ tags }) => Object.keys(tags));
  expect(new Set(told).size).toBe(4_000);
  expect(cleared.reduce((sum, count) => sum + count, 0)).toBe(4_000);
  for (const { tags } of purges) expect(JSON.stringify({ tags }).length).toBeLessThan(4_000_000);
  // An edge is renewed by purges of the last second.
  const mayRenew = purges.map(({ t }) => t >= startedAt - 1_000);
  expect(mayRenew.slice(0, 3)).toEqual([false, false, true]);
});

test.each([
  ['set forward', 3_600_000],
  ['set back', -3_600_000],
])(
  'An edge is given up as silent after its lease and two seconds, also where the wall clock is %s',
  async (_, byMs) => {
    const kept: TagVersions[] = [];
    const channel = openPurgeChannel({
      url: 'http://edge.test',
      leaseMs: 100,
      pending: {},
      send: () => Promise.reject(new Error('silent')),
      storePending: async (tags) => {
        kept.push(tags);
      },
      clearPending: async () => undefined,
    });
    const startedAt = performance.now();
    const wall = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => wall() + byMs);
    await channel.purge({ 'product:1': 2 }, AbortSignal.timeout(10_000));
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThan(1_900);
    expect(tookMs).toBeLessThan(8_000);
    expect(kept).toEqual([{ 'product:1': 2 }]);
    channel.close();
  },
);
