// Counts attempts per window in one atomic step: a script in Redis, a map in this process while Redis is away.
import type { Deps } from '../deps.ts';
import type { RedisClient } from '../redis/connect.ts';

export interface Taken {
  allowed: boolean;
  /** Until the window ends. */
  secondsLeft: number;
}

export interface AttemptCounters {
  take(key: string, most: number, windowSeconds: number): Promise<Taken>;
  giveBack(key: string): Promise<void>;
}

/** The window begins with the first attempt. A refused attempt is not counted, so that waiting helps. */
const takeScript = `
local count = tonumber(redis.call('get', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then return {0, redis.call('ttl', KEYS[1])} end
redis.call('incr', KEYS[1])
if count == 0 then redis.call('expire', KEYS[1], ARGV[2]) end
return {1, redis.call('ttl', KEYS[1])}`;

const giveBackScript = `
if tonumber(redis.call('get', KEYS[1]) or '0') > 0 then redis.call('decr', KEYS[1]) end
return 1`;

export function createAttemptCounters({ redis, now }: Pick<Deps, 'redis' | 'now'>): AttemptCounters {
  const own = createOwnCounters(now);
  return {
    async take(key, most, windowSeconds) {
      try {
        return await takeInRedis(redis, key, most, windowSeconds);
      } catch {
        return own.take(key, most, windowSeconds);
      }
    },
    async giveBack(key) {
      own.giveBack(key);
      await redis.eval(giveBackScript, 1, key).catch(() => undefined);
    },
  };
}

async function takeInRedis(
  redis: RedisClient,
  key: string,
  most: number,
  windowSeconds: number,
): Promise<Taken> {
  const [allowed, secondsLeft] = (await redis.eval(takeScript, 1, key, most, windowSeconds)) as [
    number,
    number,
  ];
  return { allowed: allowed === 1, secondsLeft };
}

/** Bounded: the key that came first is forgotten first. */
const mostKeys = 10_000;

function createOwnCounters(now: () => number) {
  const counts = new Map<string, { count: number; endsAt: number }>();
  const current = (key: string) => {
    const found = counts.get(key);
    return found !== undefined && found.endsAt > now() ? found : undefined;
  };
  return {
    take(key: string, most: number, windowSeconds: number): Taken {
      const found = current(key) ?? { count: 0, endsAt: now() + windowSeconds * 1_000 };
      const secondsLeft = Math.ceil((found.endsAt - now()) / 1_000);
      if (found.count >= most) return { allowed: false, secondsLeft };
      if (!counts.has(key) && counts.size >= mostKeys) counts.delete(counts.keys().next().value!);
      counts.set(key, { ...found, count: found.count + 1 });
      return { allowed: true, secondsLeft };
    },
    giveBack(key: string): void {
      const found = current(key);
      if (found !== undefined && found.count > 0) found.count -= 1;
    },
  };
}
