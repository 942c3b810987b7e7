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
