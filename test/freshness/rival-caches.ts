// How other caches keep a page for several origins, each used as its own documentation says: one shared Redis, and
// deletion by key after the write.
import KeyvRedis from '@keyv/redis';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Redis } from 'ioredis';
import { Keyv } from 'keyv';

export interface OriginCache {
  read(key: string, fill: () => Promise<number>): Promise<number>;
  /** Resolves when the cache reports that the key is deleted. */
  forget(key: string): Promise<void>;
  close(): Promise<void>;
}

/** The cache of one origin; all origins share the Redis. */
export const rivals: Record<string, (redisUrl: string) => OriginCache> = {
  'bentocache 1.6 (memory, Redis, bus)': bentoCache,
  'cache-manager 7.2 (Redis)': cacheManager,
  'cacheable 2.5 (Redis)': cacheable,
  'Redis, deleted after the write': deleteAfterWrite,
  'Redis, a time to live only': timeToLive,
};

const ttlMs = 60_000;

function bentoCache(redisUrl: string): OriginCache {
  const connection = connect(redisUrl);
  const busConnection = connect(redisUrl);
  const cache = new BentoCache({
    default: 'tiers',
    stores: {
      tiers: bentostore()
        .useL1Layer(memoryDriver({ maxSize: '1mb' }))
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection: busConnection })),
    },
  });
  return {
    read: (key, fill) => cache.getOrSet({ key, factory: fill, ttl: ttlMs }),
    forget: async (key) => void (await cache.delete({ key })),
    async close() {
      await cache.disconnectAll();
      connection.disconnect();
      busConnection.disconnect();
    },
  };
}

function cacheManager(redisUrl: string): OriginCache {
  const cache = createCache({ stores: [new Keyv({ store: new KeyvRedis(redisUrl) })] });
  return {
    read: (key, fill) => cache.wrap(key, fill, ttlMs),
    forget: async (key) => void (await cache.del(key)),
    close: async () => void (await cache.disconnect()),
  };
}

function cacheable(redisUrl: string): OriginCache {
  const cache = new Cacheable({ primary: new Keyv({ store: new KeyvRedis(redisUrl) }), ttl: ttlMs });
  return {
    read: async (key, fill) => (await cache.getOrSet(key, fill, { ttl: ttlMs })) as number,
    forget: async (key) => void (await cache.delete(key)),
    close: () => cache.disconnect(),
  };
}

function deleteAfterWrite(redisUrl: string): OriginCache {
  const redis = connect(redisUrl);
  return {
    async read(key, fill) {
      const kept = await redis.get(key);
      if (kept !== null) return Number(kept);
      const value = await fill();
      await redis.set(key, value, 'PX', ttlMs);
      return value;
    },
    forget: async (key) => void (await redis.del(key)),
    close: async () => redis.disconnect(),
  };
}

function timeToLive(redisUrl: string): OriginCache {
  return { ...deleteAfterWrite(redisUrl), forget: async () => undefined };
}

function connect(url: string): Redis {
  return new Redis(url).on('error', () => undefined);
}
