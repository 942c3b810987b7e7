import { describe, expect, test } from 'vitest';
import type { LoadedEntry } from '../../origin/cache/entry.ts';
import { createMemory, trustedMs } from '../../origin/cache/memory.ts';
import type { FloorCheck } from '../../origin/invalidation/floors.ts';

function open(maxBytes = 1_000_000) {
  const world = { nowMs: 0, verdict: 'above' as FloorCheck, checks: 0 };
  const floors = {
    async check() {
      world.checks += 1;
      await Promise.resolve();
      return world.verdict;
    },
    raise: async () => undefined,
  };
  return Object.assign(world, { memory: createMemory({ floors, maxBytes, clock: () => world.nowMs }) });
}

function entry(asOf: number, bytes = 100): LoadedEntry {
  return { value: 'a page', tags: { 'product:1': 1 }, outcome: 'miss', asOf, bytes, isChecked: true };
}

describe('the memory of an origin', () => {
  test('serves what was checked less than 25 ms ago, as a hit, and asks nobody', () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = trustedMs - 1;
    expect(world.memory.recall('page')).toMatchObject({ value: 'a page', outcome: 'hit' });
    expect(world.checks).toBe(0);
  });

  test('serves nothing after a pause before its floors were read again', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    // SIGSTOP for half a minute, in which the page was changed and the change was done.
    world.nowMs = 30_000;
    world.verdict = 'below';
    expect(world.memory.recall('page')).toBeUndefined();
    expect(await world.memory.recheck('page')).toBeUndefined();
    expect(world.memory.recall('page')).toBeUndefined();
  });

  test('trusts an entry from the moment at which the check of its floors began, not from its end', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = 100;
    const checked = world.memory.recheck('page');
    world.nowMs = 100 + trustedMs;
    expect(await checked).toBeDefined();
    expect(world.memory.recall('page')).toBeUndefined();
  });

  test('asks once for a thousand requests of one page', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = trustedMs;
    const found = await Promise.all(Array.from({ length: 1_000 }, () => world.memory.recheck('page')));
    expect(found.every((one) => one?.value === 'a page')).toBe(true);
    expect(world.checks).toBe(1);
  });

  test('serves nothing where the floors cannot be read', async () => {
    const world = open();
    world.memory.keep('page', entry(0));
    world.nowMs = trustedMs;
    world.verdict = 'unreadable';
    expect(await world.memory.recheck('page')).toBeUndefined();
  });

  test('holds no more bytes than it may', () => {
    const { memory } = open(10_000);
    const keys = Array.from({ length: 100 }, (_, index) => `page-${index}`);
    for (const key of keys) memory.keep(key, entry(0, 1_000));
    const held = keys.filter((key) => memory.peek(key) !== undefined);
    expect(held.length).toBeLessThanOrEqual(9);
    expect(held).toContain('page-99');
  });
});
