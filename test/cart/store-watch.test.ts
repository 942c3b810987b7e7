// A store that is only slow is taken for away by quick probes, and must still be found back by patient ones.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { createStoreWatch } from '../../origin/cart/server/store-watch.ts';

const probeMs = 10;
const answerMs = 50;

/** Where the deadline of a probe is shorter than the store's answer, only the probe's count goes up. */
function watchSlowStore(patientProbeMs: number) {
  const store = { probes: 0 };
  const watch = createStoreWatch({
    async probe(deadlineMs) {
      store.probes += 1;
      await delay(Math.min(deadlineMs, answerMs));
      if (deadlineMs < answerMs) throw new Error('silent');
    },
    probeMs,
    patientProbeMs,
    silentProbes: 2,
    isRefusal: () => false,
  });
  return { watch, store };
}

test('a slow store is away after two quick probes, and back after one patient probe', async () => {
  const { watch, store } = watchSlowStore(10 * answerMs);
  watch.unanswered();
  await vi.waitFor(() => expect(watch.isAway()).toBe(true), { interval: 1 });
  expect(store.probes).toBe(2);
  await vi.waitFor(() => expect(watch.isAway()).toBe(false));
  expect(store.probes).toBe(3);
});

test('without patience it would stay away for as long as it is slow', async () => {
  const { watch, store } = watchSlowStore(probeMs);
  watch.unanswered();
  await vi.waitFor(() => expect(store.probes).toBeGreaterThan(20));
  expect(watch.isAway()).toBe(true);
  watch.close();
});
