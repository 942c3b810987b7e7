// Carts on real stores, with a small catalog, and browsers that keep their cookies. There is no HTTP: the tests are
// of `Carts`.
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { Fresh } from '../../../origin/cache/entry.ts';
import type { FencedCache } from '../../../origin/cache/fenced-cache.ts';
import type { CartAnswer, Carts } from '../../../origin/cart/carts.ts';
import { createCarts } from '../../../origin/cart/create-carts.ts';
import { type CartState, readSettings } from '../../../origin/config.ts';
import type { Deps } from '../../../origin/deps.ts';
import { onlyLineage } from '../../../origin/invalidation/lineage-watch.ts';
import { createDatabase, createPool } from '../../../origin/postgres/database.ts';
import { createReadSources } from '../../../origin/postgres/replicas/read-sources.ts';
import { createCommitTracker } from '../../../origin/postgres/replicas/track-commits.ts';
import { connectRedis, type RedisClient } from '../../../origin/redis/connect.ts';
import type { Db } from '../../../origin/schema.ts';

export interface CartWorld extends AsyncDisposable {
  deps: Deps;
  db: Db;
  redis: RedisClient;
  carts: Carts;
  /** Ids of variants on sale, with plenty in stock. */
  variants: string[];
  browser(accountId?: string): Browser;
  /** Opens another origin on the same stores. */
  secondOrigin(): Carts;
}

export interface CartWorldOptions {
  databaseUrl: string;
  redisUrl: string;
  cartState?: CartState;
  redisReplicas?: number;
  variantCount?: number;
}

export async function openCartWorld(options: CartWorldOptions): Promise<CartWorld> {
  const settings = readSettings({
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    REDIS_REPLICAS: String(options.redisReplicas ?? 0),
    COOKIE_KEYS: 'a-key-of-the-tests-with-32-letters',
    CART_STATE: options.cartState ?? 'server',
    LOG_LEVEL: 'silent',
  });
  const db = createDatabase(
    createPool({ url: settings.databaseUrl, name: 'test', max: 8, onError: () => undefined }),
  );
  const redis = connectRedis({ urls: settings.redisUrls, name: 'test', onError: () => undefined });
  await new Promise((resolve) => redis.once('ready', resolve));
  const registry = new Registry();
  const reads = createReadSources({
    primaryUrl: settings.databaseUrl,
    replicaUrls: [],
    db,
    registry,
    name: 'test',
    onError: () => undefined,
  });
  const deps: Deps = {
    settings,
    log: pino({ level: 'silent' }),
    db,
    reads,
    commits: createCommitTracker(),
    registry,
    countAnswer: () => undefined,
    redis,
    cache: rememberEverything(db),
    lineage: onlyLineage,
    floors: { check: async () => 'above', raise: async () => undefined },
    wakeWorker: () => undefined,
    now: Date.now,
  };
  const variants = await seedVariants(db, options.variantCount ?? 12);
  const opened = [createCarts(deps)];
  const carts = opened[0]!;
  return {
    deps,
    db,
    redis,
    carts,
    variants,
    browser: (accountId) => new Browser(carts, accountId),
    secondOrigin() {
      const another = createCarts(deps);
      opened.push(another);
      return another;
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened) await each.close();
      redis.disconnect();
      await Promise.all([db.destroy(), reads.close()]);
    },
  };
}

export class Browser {
  carts: Carts;
  accountId: string | undefined;
  cookie: string | undefined;

  constructor(carts: Carts, accountId?: string) {
    this.carts = carts;
    this.accountId = accountId;
  }

  get request() {
    return { cookieHeader: this.cookie, accountId: this.accountId };
  }

  async view() {
    return this.take(await this.carts.view(this.request));
  }

  add(variantId: string, quantity = 1, opId: string = randomUUID(), fingerprint?: string) {
    return this.write('add', variantId, quantity, opId, fingerprint);
  }

  set(variantId: string, quantity: number, opId: string = randomUUID(), fingerprint?: string) {
    return this.write('set', variantId, quantity, opId, fingerprint);
  }

  keep(setCookies: string[]) {
    const kept = new Map((this.cookie?.split('; ') ?? []).map((pair) => [pair.split('=', 1)[0]!, pair]));
    for (const cookie of setCookies) {
      const pair = cookie.split(';', 1)[0]!;
      const name = pair.split('=', 1)[0]!;
      if (pair.endsWith('=')) kept.delete(name);
      else kept.set(name, pair);
    }
    // The cart's cookie comes first, because tests read its id from it.
    const pairs = [...kept.values()].sort();
    this.cookie = pairs.length === 0 ? undefined : pairs.reverse().join('; ');
  }

  private async write(
    kind: 'add' | 'set',
    variantId: string,
    quantity: number,
    opId: string,
    fingerprint = `${kind} ${variantId} ${quantity}`,
  ) {
    const operation = { opId, kind, variantId, quantity, fingerprint };
    return this.take(await this.carts.write(this.request, operation));
  }

  private take(answer: CartAnswer) {
    this.keep(answer.setCookies);
    return answer.cart;
  }
}

/** Returns the quantities by variant. */
export function pieces(cart: { lines: { variantId: string; quantity: number }[] }): Record<string, number> {
  return Object.fromEntries(cart.lines.map((line) => [line.variantId, line.quantity]));
}

/** Keeps names and prices known while a store is away, as the real cache does. */
function rememberEverything(db: Db): FencedCache {
  const known = new Map<string, Fresh<unknown>>();
  return {
    async read(request) {
      const held = known.get(request.key);
      if (held !== undefined) return { ...(held as Fresh<never>), outcome: 'hit' };
      const fresh = await request.fill(db);
      known.set(request.key, fresh);
      return { ...fresh, outcome: 'miss' };
    },
    recall: () => undefined,
    recheck: async () => undefined,
    recallAll: async () => new Map(),
    readStale: async (key) => known.get(key) as never,
  };
}

async function seedVariants(db: Db, count: number): Promise<string[]> {
  const category = await db
    .insertInto('categories')
    .values({ slug: `shirts-${randomUUID()}`, name: 'Shirts', parent_id: null })
    .returning('id')
    .executeTakeFirstOrThrow();
  const product = await db
    .insertInto('products')
    .values({ slug: `shirt-${randomUUID()}`, name: 'Shirt', category_id: category.id, price_amount: 1999 })
    .returning('id')
    .executeTakeFirstOrThrow();
  const rows = await db
    .insertInto('variants')
    .values(
      Array.from({ length: count }, (_, index) => ({
        product_id: product.id,
        sku: `SKU-${randomUUID()}`,
        size: String(index),
        price_amount: 1999,
        available: 1_000,
      })),
    )
    .returning('id')
    .execute();
  return rows.map((row) => row.id);
}
