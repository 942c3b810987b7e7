// What a shopper may rely on while stores die, freeze, come back empty or with yesterday's data. Real kills of real parts.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freeze, wake } from '../../ops-scripts/drills/freeze.ts';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';
import { copyKey } from '../../origin/cart/server/cart-keys.ts';
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

/** One that every variant has been shown to, so that names and prices are known. */
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

/** Away is away until a probe is answered. */
async function untilAnswers() {
  const probe = world.browser();
  await waitUntil(async () => (await probe.add(world.variants[0]!)).durability === 'committed', quick);
}

/** Redis, too, is away until a probe is answered; till then nothing is copied, and the loss of Postgres would be a second fault. */
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
      // The same request again is the same, also in the journal; another body is not.
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
      // The next write takes the journal along before it answers.
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
