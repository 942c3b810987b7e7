// The fence: nothing older than a floor, nothing tagged without a recent word; and the checker finds each planted bug.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFence, createFloors, type Fence } from '../../edge/fence.ts';
import { formatCacheTag, parseCacheTag } from '../../http/cache-tag.ts';

const leaseMs = 3_000;
const event = fc.oneof(
  fc.constant({ kind: 'change' as const }),
  fc.constant({ kind: 'fetch' as const }),
  fc.constant({ kind: 'store' as const }),
  fc.constant({ kind: 'send' as const }),
  fc.record({ kind: fc.constant('arrive' as const), lost: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  fc.constant({ kind: 'serve' as const }),
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;
type MakeFence = (clock: { wallMs(): number; monotonicMs(): number }) => Fence;

/**
 * @returns whether a version older than a finished one was served. A change is finished once confirmed, or a lease
 * after the last word sent without it.
 */
function servesStale(events: Event[], makeFence: MakeFence): boolean {
  let now = 1_000_000;
  const fence = makeFence({ wallMs: () => now, monotonicMs: () => now });
  let version = 1;
  let done = 1;
  let silentAt = 0;
  let lastWordAt = -Infinity;
  let word: { t: number; version: number } | undefined;
  let fetched: { version: number; epoch: number } | undefined;
  let stored: typeof fetched;
  for (const step of events) {
    if (step.kind === 'change') {
      version++;
      silentAt = lastWordAt + leaseMs;
    } else if (step.kind === 'fetch') fetched = { version, epoch: fence.epoch() };
    else if (step.kind === 'store' && fetched !== undefined) {
      if (fence.mayStore({ 'product:1': fetched.version }, fetched.epoch)) stored = fetched;
    } else if (step.kind === 'send') {
      word = { t: now, version };
      lastWordAt = now;
    } else if (step.kind === 'arrive' && word !== undefined) {
      if (!step.lost) {
        fence.raise({ 'product:1': word.version });
        fence.renew(word.t);
        done = Math.max(done, word.version);
      }
      word = undefined;
    } else if (step.kind === 'wait') now += step.ms;
    if (version > done && now > silentAt) done = version;
    if (
      step.kind === 'serve' &&
      stored !== undefined &&
      fence.maySend({ 'product:1': stored.version }, stored.epoch)
    ) {
      if (stored.version < done) return true;
    }
  }
  return false;
}

function findsStale(makeFence: MakeFence): boolean {
  return fc.check(
    fc.property(
      fc.array(event, { minLength: 5, maxLength: 60 }),
      (events) => !servesStale(events, makeFence),
    ),
    { numRuns: 8_000, seed: 5 },
  ).failed;
}

describe('the fence of the edge', () => {
  test('never serves what is older than a finished change, however fetches, stores, purges and leases interleave', () => {
    expect(findsStale((clock) => createFence(leaseMs, clock))).toBe(false);
  });

  test('the checker finds a fence that leaves the floors out', () => {
    const blind = { raise: () => undefined, allow: () => true, epoch: () => 0, forget: () => undefined };
    expect(findsStale((clock) => createFence(leaseMs, clock, blind))).toBe(true);
  });

  test('the checker finds a fence that ignores the lease', () => {
    expect(
      findsStale((clock) => {
        const fence = createFence(leaseMs, clock);
        return { ...fence, maySend: fence.mayStore };
      }),
    ).toBe(true);
  });

  test('the checker finds a lease that is counted from arrival', () => {
    expect(
      findsStale((clock) => {
        const fence = createFence(leaseMs, clock);
        return { ...fence, renew: () => fence.renew(clock.wallMs()) };
      }),
    ).toBe(true);
  });

  test('a word signed by a clock that is a second off renews nothing', () => {
    const fence = createFence(leaseMs, { wallMs: () => 10_000, monotonicMs: () => 0 });
    expect(fence.renew(8_999)).toBe(false);
    expect(fence.maySend({ a: 1 }, 0)).toBe(false);
  });

  test('a wall clock that is set back does not lengthen the lease', () => {
    let wall = 10_000;
    let monotonic = 0;
    const fence = createFence(leaseMs, { wallMs: () => wall, monotonicMs: () => monotonic });
    fence.renew(wall);
    wall = 5_000;
    monotonic = 3_001;
    expect(fence.maySend({ a: 1 }, 0)).toBe(false);
  });

  test('when floors outgrow their bound, everything fetched before is no longer believed', () => {
    const floors = createFloors(2);
    for (const tag of ['a', 'b', 'c']) floors.raise(tag, 1);
    expect(floors.allow({ d: 1 }, 0)).toBe(false);
    expect(floors.allow({ d: 1 }, floors.epoch())).toBe(true);
  });

  test('tags are read as they are written, and a tag without a version makes the whole field unusable', () => {
    const tags = { 'product:42': 17, site: 3 };
    expect(parseCacheTag(formatCacheTag(tags))).toEqual(tags);
    expect(parseCacheTag('product:42@17 product:42@16')).toEqual({ 'product:42': 16 });
    expect(Object.entries(parseCacheTag('__proto__@7')!)).toEqual([['__proto__', 7]]);
    expect(parseCacheTag('product:42@17 catalog')).toBeUndefined();
  });
});
