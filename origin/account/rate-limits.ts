// How often may be tried: counted in Redis for all origins, in this process while Redis is away.
import { createHash } from 'node:crypto';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';

interface Limit {
  name: string;
  most: number;
  windowSeconds: number;
}

const signInsAnAccount: Limit = { name: 'sign-in-account', most: 10, windowSeconds: 900 };
const signInsAnAddress: Limit = { name: 'sign-in-address', most: 300, windowSeconds: 900 };
const signUpsAnAddress: Limit = { name: 'sign-up-address', most: 100, windowSeconds: 3_600 };

export interface RateLimits {
  /** Call before a sign-in is checked. @throws Refusal 429 with `Retry-After` */
  checkSignIn(email: string, address: string): Promise<void>;
  countFailedSignIn(email: string, address: string): Promise<void>;
  /** @throws Refusal 429 with `Retry-After` */
  countSignUp(address: string): Promise<void>;
}

export function createRateLimits(deps: Pick<Deps, 'settings' | 'redis' | 'now'>): RateLimits {
  if (!deps.settings.rateLimits) return unlimited;
  const counters = createCounters(deps);
  const account = (email: string) => keyOf(signInsAnAccount, email.trim().toLowerCase());
  return {
    async checkSignIn(email, address) {
      await refuseBeyond(counters, signInsAnAccount, account(email));
      await refuseBeyond(counters, signInsAnAddress, keyOf(signInsAnAddress, address));
    },
    async countFailedSignIn(email, address) {
      await counters.add(account(email), signInsAnAccount.windowSeconds);
      await counters.add(keyOf(signInsAnAddress, address), signInsAnAddress.windowSeconds);
    },
    async countSignUp(address) {
      const key = keyOf(signUpsAnAddress, address);
      await refuseBeyond(counters, signUpsAnAddress, key);
      await counters.add(key, signUpsAnAddress.windowSeconds);
    },
  };
}

const unlimited: RateLimits = {
  checkSignIn: async () => undefined,
  countFailedSignIn: async () => undefined,
  countSignUp: async () => undefined,
};

interface Count {
  count: number;
  secondsLeft: number;
}

interface Counters {
  read(key: string): Promise<Count>;
  add(key: string, windowSeconds: number): Promise<void>;
}

async function refuseBeyond(counters: Counters, limit: Limit, key: string): Promise<void> {
  const { count, secondsLeft } = await counters.read(key);
  if (count < limit.most) return;
  throw new Refusal(429, 'too-many-attempts', 'Too many attempts; please wait before the next one', {
    retryAfterSeconds: Math.max(1, secondsLeft),
  });
}

/** Neither e-mails nor addresses stand in Redis in clear. */
function keyOf(limit: Limit, subject: string): string {
  return `limit:${limit.name}:${createHash('sha256').update(subject).digest('base64url').slice(0, 22)}`;
}

function createCounters({ redis, now }: Pick<Deps, 'redis' | 'now'>): Counters {
  const own = createOwnCounters(now);
  return {
    async read(key) {
      try {
        const [count, secondsLeft] = await Promise.all([redis.get(key), redis.ttl(key)]);
        return { count: Number(count ?? 0), secondsLeft };
      } catch {
        return own.read(key);
      }
    },
    async add(key, windowSeconds) {
      try {
        // The window begins with the first attempt; a key without an end would lock somebody out for ever.
        await redis.multi().set(key, 0, 'EX', windowSeconds, 'NX').incr(key).exec();
      } catch {
        own.add(key, windowSeconds);
      }
    },
  };
}

const mostKeys = 10_000;

function createOwnCounters(now: () => number) {
  const counts = new Map<string, { count: number; endsAt: number }>();
  const current = (key: string) => {
    const found = counts.get(key);
    return found !== undefined && found.endsAt > now() ? found : undefined;
  };
  return {
    read(key: string): Count {
      const found = current(key);
      return { count: found?.count ?? 0, secondsLeft: found ? Math.ceil((found.endsAt - now()) / 1_000) : 0 };
    },
    add(key: string, windowSeconds: number): void {
      const found = current(key);
      if (found !== undefined) {
        found.count += 1;
        return;
      }
      if (counts.size >= mostKeys) counts.delete(counts.keys().next().value!);
      counts.set(key, { count: 1, endsAt: now() + windowSeconds * 1_000 });
    },
  };
}
