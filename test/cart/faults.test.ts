// What a shopper may rely on while stores die, freeze, or come back empty or with old data. Real servers are killed.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freeze, wake } from '../../ops-scripts/drills/faults/slow-and-frozen.ts';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';
import { copyKey } from '../../origin/cart/server/copy-scripts.ts';
import { createHeldOperations } from '../../origin/cart/server/held-operations.ts';
import { drainJournals } from '../../origin/cart/server/journal-drain.ts';
import { type PrivateStore, startRedis } from '../support/stores.ts';
import { type Browser, type CartWorld, openCartWorld, pieces } from './support/cart-world.ts';
import { kill, startMigratedPostgres } from './support/faulty-stores.ts';

let postgres: PrivateStore;
let redis: PrivateStore;
let world: CartWorld;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startMigratedPostgres(), startRedis({ appendonly: 'yes' })]);
  world = await openCartWorld({ databaseUrl: postgres.url, redisUrl: redis.url });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await Promise.all([postgres[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
});

/** A shopper to whom every variant was shown, so that names and prices are known. */
async function shopperWith(quantity: number): Promise<Browser> {
  const shopper = world.browser();
  for (const variant of world.variants.slice(1, 3)) await shopper.set(variant, quantity);
  await shopper.add(world.variants[0]!, quantity);
  return shopper;
}

const quick = { what: 'the stores to be known again', deadlineMs: 20_000 };

function untilCommitted(shopper: Browser) {
  return waitUntil(async () => (await shopper.view()).durability === 'committed', quick);
}

/** Waits until a probe has found Postgres again; until then it counts as away. */
async function untilAnswers() {
  const probe = world.browser();
  await waitUntil(async () => (await probe.add(world.variants[0]!)).durability === 'committed', quick);
}

/**
 * Waits until a probe has found Redis again. Until then nothing is copied, and losing Postgres as well would be a
 * second fault.
 */
async function untilCopied(shopper: Browser) {
  const [variant = ''] = world.variants;
  const key = copyKey(shopper.cookie!.split('.')[1]!);
  await waitUntil(async () => {
    await shopper.add(variant);
    return (await world.redis.exists(key)) === 1;
  }, quick);
}

async function countInPostgres(variantId: string, cookie: string): Promise<number | undefined> {
  const cartId = cookie.split('.')[1]!;
  const row = await world.db.selectFrom('carts').select('lines').where('id', '=', cartId).executeTakeFirst();
  return row?.lines.find((line) => line.variantId === variantId)?.quantity;
}

describe('Redis', () => {
  test('killed: carts are written and read from Postgres; back with its old data: no older copy is read', async () => {
    const [variant = ''] = world.variants;
    const shopper = await shopperWith(1);
    const signedIn = world.browser('41');
    await signedIn.add(variant);
    kill(redis);
    expect(pieces(await shopper.add(variant, 2))[variant]).toBe(3);
    expect(pieces(await signedIn.add(variant, 2))[variant]).toBe(3);
    expect(pieces(await shopper.view())[variant]).toBe(3);
    redis = await redis.restart();
    await waitUntil(async () => (await world.redis.ping()) === 'PONG', quick);
    expect(pieces(await shopper.view())[variant]).toBe(3);
    expect(pieces(await signedIn.view())[variant]).toBe(3);
    expect(pieces(await shopper.add(variant))[variant]).toBe(4);
  });

  test('emptied: nothing is missing', async () => {
    const [variant = ''] = world.variants;
    const shopper = await shopperWith(2);
    await world.redis.flushall();
    expect(pieces(await shopper.view())[variant]).toBe(2);
    expect(pieces(await shopper.add(variant))[variant]).toBe(3);
  });

  test('frozen: costs one deadline, not one a request', async () => {
    const [variant = ''] = world.variants;
    const shopper = await shopperWith(1);
    freeze(redis);
    try {
      await shopper.add(variant);
      const beganMs = performance.now();
      for (let round = 0; round < 5; round += 1) await shopper.add(variant);
      expect(performance.now() - beganMs).toBeLessThan(3_500);
    } finally {
      wake(redis);
    }
    expect(pieces(await shopper.view())[variant]).toBe(7);
    await untilCopied(shopper);
  });
});

describe('Postgres', () => {
  for (const [fault, cut, heal] of [
    ['frozen', () => freeze(postgres), async () => wake(postgres)],
    [
      'killed',
      () => kill(postgres),
      async () => {
        postgres = await postgres.restart();
      },
    ],
  ] as const) {
    test(`${fault}: the journal takes every write, and Postgres gets each once and in order`, async () => {
      const [variant = '', set = ''] = world.variants;
      const shopper = await shopperWith(1);
      const key = randomUUID();
      cut();
      const first = await shopper.add(variant, 5, key);
      expect(first.durability).toBe('journal');
      expect(pieces(first)[variant]).toBe(6);
      await shopper.set(set, 7);
      await shopper.set(set, 3);
      await shopper.add(set, 1);
      // The same request again has no second effect, also in the journal; another body is refused.
      expect(pieces(await shopper.add(variant, 5, key))[variant]).toBe(6);
      await expect(shopper.add(variant, 6, key)).rejects.toMatchObject({ status: 422 });
      expect(pieces(await shopper.view())).toMatchObject({ [variant]: 6, [set]: 4 });
      await expect(shopper.add(variant, 99)).rejects.toMatchObject({ status: 422, code: 'line-limit' });
      await heal();
      await waitUntil(async () => (await drainJournals(world.deps)).left === 0, quick);
      await waitUntil(async () => (await countInPostgres(set, shopper.cookie!)) === 4, quick);
      expect(await countInPostgres(variant, shopper.cookie!)).toBe(6);
      await untilCommitted(shopper);
      expect(pieces(await shopper.view())).toMatchObject({ [variant]: 6, [set]: 4 });
      expect(pieces(await shopper.add(variant, 5, key))[variant]).toBe(6);
      await untilAnswers();
    });

    test(`${fault}: a new guest's cart begins in the journal and goes on in Postgres`, async () => {
      const [variant = ''] = world.variants;
      cut();
      const guest = world.browser();
      expect((await guest.add(variant, 2)).durability).toBe('journal');
      await heal();
      await untilAnswers();
      // The next write applies the journal before it answers.
      const next = await guest.add(variant);
      expect(next).toMatchObject({ durability: 'committed', count: 3 });
      expect(await countInPostgres(variant, guest.cookie!)).toBe(3);
    });
  }

  test('back, Redis silent: a cart whose cookie speaks of a journal is 503, never a cart without its pieces', async () => {
    const [variant = ''] = world.variants;
    const shopper = await shopperWith(1);
    kill(postgres);
    await shopper.add(variant, 4);
    postgres = await postgres.restart();
    await untilAnswers();
    kill(redis);
    await expect(shopper.view()).rejects.toMatchObject({ status: 503 });
    await expect(shopper.add(variant)).rejects.toMatchObject({ status: 503 });
    redis = await redis.restart();
    await waitUntil(async () => (await world.redis.ping()) === 'PONG', quick);
    await waitUntil(async () => pieces(await shopper.view())[variant] === 5, quick);
    expect(pieces(await shopper.add(variant))[variant]).toBe(6);
  });

  test('and Redis both gone: 503, and the same request later counts once', async () => {
    const [variant = ''] = world.variants;
    const shopper = await shopperWith(1);
    const key = randomUUID();
    kill(postgres);
    kill(redis);
    for (let round = 0; round < 2; round += 1) {
      await expect(shopper.add(variant, 2, key)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 1 });
    }
    [postgres, redis] = await Promise.all([postgres.restart(), redis.restart()]);
    await untilAnswers();
    await shopper.add(variant, 2, key);
    await shopper.add(variant, 2, key);
    expect(pieces(await shopper.view())[variant]).toBe(3);
  });
});

describe('held by the origins that acknowledged it', () => {
  const quickly = { what: 'what is held to arrive', deadlineMs: 20_000 };

  test('an emptied Redis loses nothing while Postgres is away; both origins fill it again, and no worker is needed', async () => {
    const [variant = '', line = ''] = world.variants;
    const shopper = await shopperWith(1);
    const [first, second] = [shopper.carts, world.secondOrigin()];
    kill(postgres);
    for (const [carts, quantity] of [
      [first, 7],
      [second, 3],
    ] as const) {
      shopper.carts = carts;
      expect((await shopper.add(variant, 2)).durability).toBe('journal');
      await shopper.set(line, quantity);
    }
    await world.redis.flushall();
    const seen = await shopper.view();
    expect(seen.incomplete || pieces(seen)[variant] === 5).toBe(true);
    // Pieces that were committed before are only in Postgres, and the answer says that it is incomplete.
    await waitUntil(async () => pieces(await shopper.view())[variant] === 4, quickly);
    const { incomplete, ...filled } = await shopper.view();
    expect({ incomplete, line: pieces(filled)[line] }).toEqual({ incomplete: true, line: 3 });
    await world.redis.flushall();
    postgres = await postgres.restart();
    await waitUntil(async () => (await countInPostgres(line, shopper.cookie!)) === 3, quickly);
    await waitUntil(async () => (await countInPostgres(variant, shopper.cookie!)) === 5, quickly);
    await untilCommitted(shopper);
    expect(pieces(await shopper.view())).toMatchObject({ [variant]: 5, [line]: 3 });
    await waitUntil(async () => (await heldOperations()) === 0, quickly);
  });

  test('an origin that stops hands over what an emptied Redis lost', async () => {
    const [variant = ''] = world.variants;
    const shopper = await shopperWith(1);
    kill(postgres);
    const stopping = world.secondOrigin();
    shopper.carts = stopping;
    const key = randomUUID();
    const added = () => shopper.add(variant, 4, key).catch(() => undefined);
    // The origin's connections have only just been opened.
    await waitUntil(async () => (await added())?.durability === 'journal', quickly);
    await world.redis.flushall();
    await stopping.close();
    shopper.carts = world.carts;
    postgres = await postgres.restart();
    await untilAnswers();
    expect(pieces(await shopper.add(variant))[variant]).toBe(6);
  });

  test('a cart that is locked for long is journalled and stays in line for Postgres', async () => {
    const [variant = ''] = world.variants;
    const shopper = await shopperWith(1);
    const cartId = shopper.cookie!.split('.')[1]!;
    await world.db.transaction().execute(async (tx) => {
      await tx.selectFrom('carts').select('id').where('id', '=', cartId).forUpdate().execute();
      expect((await shopper.add(variant, 2)).durability).toBe('journal');
      await world.redis.flushall();
    });
    await waitUntil(async () => (await countInPostgres(variant, shopper.cookie!)) === 3, quickly);
    await waitUntil(async () => (await heldOperations()) === 0, quickly);
  });
});

async function heldOperations(): Promise<number> {
  const metric = await world.deps.registry.getSingleMetric('cart_held_operations')!.get();
  return metric.values[0]!.value;
}

test('operations are held up to a bound in number and in bytes; beyond it a write is refused', () => {
  const operation = {
    opId: 'a',
    fingerprint: 'f',
    kind: 'add' as const,
    variantId: '1',
    quantity: 1,
    madeOn: 0,
  };
  const appended = { outcome: 'journalled' as const, version: 0, sequence: 1, madeOn: 0, home: undefined };
  for (const bounds of [
    { operations: 2, bytes: 100_000 },
    { operations: 100, bytes: 700 },
  ]) {
    const held = createHeldOperations(bounds);
    held.hold('cart', operation, appended);
    held.hold('cart', operation, appended);
    expect(held.count()).toBe(1);
    const giveBack = held.reserve(operation);
    expect(() => held.reserve(operation)).toThrow(
      expect.objectContaining({ status: 503, retryAfterSeconds: 1 }),
    );
    giveBack();
    giveBack();
    held.release('cart', ['a', 'unknown']);
    expect([held.count(), held.oldestAgeMs(), [...held.carts()]]).toEqual([0, 0, []]);
    held.reserve(operation);
    held.reserve(operation);
    expect(() => held.reserve(operation)).toThrow();
  }
});

test('without replicas and without an append-only file the journal acknowledges nothing', async () => {
  const [variant = ''] = world.variants;
  const shopper = await shopperWith(1);
  await world.redis.config('SET', 'appendonly', 'no');
  kill(postgres);
  await expect(shopper.add(variant)).rejects.toMatchObject({ status: 503 });
  await world.redis.config('SET', 'appendonly', 'yes');
  expect((await shopper.add(variant)).durability).toBe('journal');
  postgres = await postgres.restart();
  await untilAnswers();
});
