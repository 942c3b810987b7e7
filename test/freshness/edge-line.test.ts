// The line to an edge says that a change is confirmed only when a word that bore it was answered.
import { expect, test, vi } from 'vitest';
import type { TagVersions } from '../../origin/outbox/events.ts';
import { openEdgeLine } from '../../worker/edge-line.ts';

test('two changes of one tag while an older word is on its way are confirmed by the next word, not by that one', async () => {
  const words: { tags: TagVersions; answer: () => void }[] = [];
  const line = openEdgeLine({
    url: 'http://edge.test',
    leaseMs: 60_000,
    debts: {},
    send: (_url, tags) => new Promise((answer) => words.push({ tags, answer })),
    keepDebts: async () => undefined,
    clearDebts: async () => undefined,
  });
  const confirmed: number[] = [];
  const { signal } = new AbortController();
  const change = (version: number) =>
    line.purge({ 'product:1': version }, signal).then(() => confirmed.push(version));
  const changes = [change(2), change(3)];
  expect(words.map(({ tags }) => tags)).toEqual([{}]);
  words[0]!.answer();
  await vi.waitFor(() => expect(words).toHaveLength(2));
  expect(confirmed).toEqual([]);
  expect(words[1]!.tags).toEqual({ 'product:1': 3 });
  words[1]!.answer();
  await Promise.all(changes);
  expect(confirmed).toEqual([2, 3]);
  line.close();
});

test('more than an edge reads at once goes in parts, of which only the one that carries the rest may renew its trust', async () => {
  const words: { tags: TagVersions; t: number }[] = [];
  const startedAt = Date.now();
  const cleared: number[] = [];
  const tagsOf = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`slug:${'%D0%9A'.repeat(100)}${n}`, 1]));
  const line = openEdgeLine({
    url: 'http://edge.test',
    leaseMs: 60_000,
    debts: tagsOf(4_000),
    send: async (_url, tags, t) => {
      words.push({ tags, t });
    },
    keepDebts: async () => undefined,
    clearDebts: async (tags) => {
      cleared.push(Object.keys(tags).length);
    },
  });
  await vi.waitFor(() => expect(words.length).toBeGreaterThanOrEqual(3));
  line.close();
  const told = words.flatMap(({ tags }) => Object.keys(tags));
  expect(new Set(told).size).toBe(4_000);
  expect(cleared.reduce((sum, count) => sum + count, 0)).toBe(4_000);
  for (const { tags } of words) expect(JSON.stringify({ tags }).length).toBeLessThan(4_000_000);
  // An edge is renewed by words of the last second.
  const mayRenew = words.map(({ t }) => t >= startedAt - 1_000);
  expect(mayRenew.slice(0, 3)).toEqual([false, false, true]);
});
