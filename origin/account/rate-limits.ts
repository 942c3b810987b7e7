// Limits password guesses and sign-ups. It counts in Redis for all origins, and in this process while Redis is away.
// An attempt is counted before it is made, and uncounted if it succeeds. Concurrent attempts can therefore not exceed
// the limit.
import { createHash } from 'node:crypto';
import { networkOf } from '../../http/client-address.ts';
import { createSemaphore, type Semaphore, SemaphoreFullError } from '../concurrency/semaphore.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import type { RedisClient } from '../redis/connect.ts';
import { normaliseEmail } from './account.ts';

interface Limit {
  name: string;
  most: number;
  windowSeconds: number;
}

const signInsAnAccount: Limit = { name: 'sign-in-account', most: 10, windowSeconds: 900 };
const signInsAnAddress: Limit = { name: 'sign-in-address', most: 300, windowSeconds: 900 };
/** For a device that signed in to the account before. Strangers cannot use up its attempts. */
const signInsADevice: Limit = { name: 'sign-in-device', most: 10, windowSeconds: 900 };
/** For signed-in shoppers who are asked for the password again. */
const passwordsAnAccount: Limit = { name: 'password-account', most: 10, windowSeconds: 900 };
/** For the second factor. A person who guesses it already knows the password. */
const codesAnAccount: Limit = { name: 'code-account', most: 10, windowSeconds: 900 };
const operatorSignIns: Limit = { name: 'sign-in-operator', most: 10, windowSeconds: 900 };
const operatorSignInsADevice: Limit = { name: 'sign-in-operator-device', most: 10, windowSeconds: 900 };
const operatorSignInsAnAddress: Limit = { name: 'sign-in-operator-address', most: 100, windowSeconds: 900 };
const emailChangesAnAccount: Limit = { name: 'email-change-account', most: 5, windowSeconds: 3_600 };
const signUpsAnAddress: Limit = { name: 'sign-up-address', most: 100, windowSeconds: 3_600 };

/**
 * Counts an attempt only where `check` finds nothing. A right password is not counted, nor one that could not be
 * checked.
 */
type Attempt<From> = <Found>(
  from: From,
  check: () => Promise<Found | undefined>,
) => Promise<Found | undefined>;

interface SignInAttempt {
  email: string;
  address: string;
  /** The id of a device that is known to the account. */
  device?: string | undefined;
}

/** Each throws Refusal 429 `too-many-attempts` with `Retry-After`. */
export interface RateLimits {
  trySignIn: Attempt<SignInAttempt>;
  /** For the password of a signed-in shopper. @param from the account's id */
  tryPassword: Attempt<string>;
  /** For a code of the second factor. @param from a known device's id, else the account's id */
  tryCode: Attempt<string>;
  /** Operators share one password, so all unknown devices share one count of guesses. Each address also has its own. */
  tryOperator: Attempt<Omit<SignInAttempt, 'email'>>;
  countSignUp(address: string): Promise<void>;
  countEmailChange(accountId: string): Promise<void>;
  /**
   * Forgets failed attempts after a reset, because the owner has proved the address and signs in with the new
   * password.
   */
  forgive(account: { id: string; email: string; device: string | undefined }): Promise<void>;
}

type TakeBack = () => Promise<void>;

/** Without Redis, attempts are counted in this process alone. */
type LimitDeps = Pick<Deps, 'settings' | 'now'> & { redis?: RedisClient | undefined };

export function createRateLimits(deps: LimitDeps): RateLimits {
  if (!deps.settings.rateLimits) return unlimited;
  const counters = createAttemptCounters(deps);

  const take = async (limit: Limit, subject: string): Promise<TakeBack> => {
    const key = keyOf(limit, subject);
    const { allowed, secondsLeft } = await counters.take(key, limit.most, limit.windowSeconds);
    if (allowed) return () => counters.giveBack(key);
    throw new Refusal(429, 'too-many-attempts', 'Too many attempts; please wait before the next one', {
      retryAfterSeconds: Math.max(1, secondsLeft),
    });
  };
  const takeSignIn = async ({ email, address, device }: SignInAttempt): Promise<TakeBack> => {
    const ofAddress = await take(signInsAnAddress, networkOf(address));
    const account = normaliseEmail(email);
    // An attempt that the account's limit refuses is not counted for its address: a locked account must not lock the
    // address.
    const own = await undoOnError(ofAddress, () =>
      device === undefined ? take(signInsAnAccount, account) : take(signInsADevice, device),
    );
    // A known device's failures count for the account too, but the account's limit does not stop the device.
    const alsoOfAccount =
      device === undefined ? nothing : await take(signInsAnAccount, account).catch(() => nothing);
    return async () => {
      await Promise.all([ofAddress(), own(), alsoOfAccount()]);
    };
  };

  const takeOperator = async ({ address, device }: Omit<SignInAttempt, 'email'>): Promise<TakeBack> => {
    const ofAddress = await take(operatorSignInsAnAddress, networkOf(address));
    const own = await undoOnError(ofAddress, () =>
      device === undefined ? take(operatorSignIns, 'all') : take(operatorSignInsADevice, device),
    );
    return async () => {
      await Promise.all([ofAddress(), own()]);
    };
  };

  const attempt = async <Found>(
    taking: Promise<TakeBack>,
    check: () => Promise<Found | undefined>,
  ): Promise<Found | undefined> => {
    const takeBack = await taking;
    const found = await undoOnError(takeBack, check);
    if (found !== undefined) await takeBack();
    return found;
  };

  const queueByAccount = createAccountQueues();
  return {
    trySignIn: (from, check) =>
      // A known device has a queue of its own, so that strangers who fill the account's queue do not delay it.
      queueByAccount(from.device ?? normaliseEmail(from.email), () => attempt(takeSignIn(from), check)),
    tryPassword: (accountId, check) => attempt(take(passwordsAnAccount, accountId), check),
    tryCode: (from, check) => attempt(take(codesAnAccount, from), check),
    tryOperator: (from, check) => attempt(takeOperator(from), check),
    async countSignUp(address) {
      await take(signUpsAnAddress, networkOf(address));
    },
    async countEmailChange(accountId) {
      await take(emailChangesAnAccount, accountId);
    },
    async forgive({ id, email, device }) {
      const keys = [keyOf(signInsAnAccount, normaliseEmail(email)), keyOf(passwordsAnAccount, id)];
      if (device !== undefined) keys.push(keyOf(signInsADevice, device));
      await Promise.all(keys.map((key) => counters.forget(key)));
    },
  };
}

const nothing: TakeBack = async () => undefined;

/**
 * A sign-in counts as failed until it succeeds. Few of an account run at once, so that correct ones cannot reach the
 * limit.
 */
const accountQueueLimits = { atOnce: 3, waiting: 200, waitMs: 10_000 };

function createAccountQueues() {
  const queues = new Map<string, { semaphore: Semaphore; requests: number }>();
  return async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    const queue = queues.get(name) ?? { semaphore: createSemaphore(accountQueueLimits), requests: 0 };
    queues.set(name, queue);
    queue.requests += 1;
    try {
      return await queue.semaphore.run(work);
    } catch (error) {
      if (!(error instanceof SemaphoreFullError)) throw error;
      throw new Refusal(503, 'busy', 'Too many sign-ins of this account at once', {
        retryAfterSeconds: 2,
        cause: error,
      });
    } finally {
      queue.requests -= 1;
      if (queue.requests === 0) queues.delete(name);
    }
  };
}

async function undoOnError<Result>(undo: TakeBack, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await undo();
    throw error;
  }
}

const unlimited: RateLimits = {
  trySignIn: (_from, check) => check(),
  tryPassword: (_from, check) => check(),
  tryCode: (_from, check) => check(),
  tryOperator: (_from, check) => check(),
  forgive: async () => undefined,
  countSignUp: async () => undefined,
  countEmailChange: async () => undefined,
};

/** Keys are hashed, so that Redis has neither e-mails nor addresses in plain text. */
function keyOf(limit: Limit, subject: string): string {
  return `limit:${limit.name}:${createHash('sha256').update(subject).digest('base64url').slice(0, 22)}`;
}

/**
 * Counts attempts per window in one atomic step: by a script in Redis, or by a map in this process while Redis is
 * away.
 */
interface Taken {
  allowed: boolean;
  /** Seconds until the window ends. */
  secondsLeft: number;
}

interface AttemptCounters {
  take(key: string, most: number, windowSeconds: number): Promise<Taken>;
  giveBack(key: string): Promise<void>;
  forget(key: string): Promise<void>;
}

/** The window begins with the first attempt. A refused attempt is not counted and does not extend it. */
const takeScript = `
local count = tonumber(redis.call('get', KEYS[1]) or '0')
if count >= tonumber(ARGV[1]) then return {0, redis.call('ttl', KEYS[1])} end
redis.call('incr', KEYS[1])
if count == 0 then redis.call('expire', KEYS[1], ARGV[2]) end
return {1, redis.call('ttl', KEYS[1])}`;

const giveBackScript = `
if tonumber(redis.call('get', KEYS[1]) or '0') > 0 then redis.call('decr', KEYS[1]) end
return 1`;

function createAttemptCounters({ redis, now }: LimitDeps): AttemptCounters {
  const own = createOwnCounters(now);
  if (redis === undefined)
    return {
      take: async (key, most, windowSeconds) => own.take(key, most, windowSeconds),
      giveBack: async (key) => own.giveBack(key),
      forget: async (key) => own.forget(key),
    };
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
    async forget(key) {
      own.forget(key);
      await redis.del(key).catch(() => undefined);
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

/** The map is bounded; the oldest key is forgotten first. */
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
    forget(key: string): void {
      counts.delete(key);
    },
  };
}
