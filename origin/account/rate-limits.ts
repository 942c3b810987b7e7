// Limits attempts to sign in and sign up: counted in Redis for all origins, in this process while Redis is away. An
// attempt is counted before it is made and uncounted if it succeeds, so that concurrent attempts cannot exceed the
// limit.
import { createHash } from 'node:crypto';
import { networkOf } from '../../http/client-address.ts';
import { createSemaphore, type Semaphore, SemaphoreFullError } from '../concurrency/semaphore.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { normaliseEmail } from './account.ts';
import { createAttemptCounters } from './attempt-counters.ts';

interface Limit {
  name: string;
  most: number;
  windowSeconds: number;
}

const signInsAnAccount: Limit = { name: 'sign-in-account', most: 10, windowSeconds: 900 };
const signInsAnAddress: Limit = { name: 'sign-in-address', most: 300, windowSeconds: 900 };
const signUpsAnAddress: Limit = { name: 'sign-up-address', most: 100, windowSeconds: 3_600 };

export interface RateLimits {
  /**
   * Counts only where `check` finds nothing: a right sign-in, and one that could not be checked, are not held
   * against anybody.
   * @throws Refusal 429 `too-many-attempts` with `Retry-After`
   */
  trySignIn<Found>(
    from: { email: string; address: string },
    check: () => Promise<Found | undefined>,
  ): Promise<Found | undefined>;
  /** @throws Refusal 429 `too-many-attempts` with `Retry-After` */
  countSignUp(address: string): Promise<void>;
}

type TakeBack = () => Promise<void>;

export function createRateLimits(deps: Pick<Deps, 'settings' | 'redis' | 'now'>): RateLimits {
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
  const takeSignIn = async (email: string, address: string): Promise<TakeBack> => {
    const ofAddress = await take(signInsAnAddress, networkOf(address));
    // An attempt refused for its account is not counted for its address: a locked account must not lock the address.
    const ofAccount = await undoOnError(ofAddress, () => take(signInsAnAccount, normaliseEmail(email)));
    return async () => {
      await Promise.all([ofAddress(), ofAccount()]);
    };
  };

  const queueByAccount = createAccountQueues();
  return {
    trySignIn: ({ email, address }, check) =>
      queueByAccount(normaliseEmail(email), async () => {
        const takeBack = await takeSignIn(email, address);
        const found = await undoOnError(takeBack, check);
        if (found !== undefined) await takeBack();
        return found;
      }),
    async countSignUp(address) {
      await take(signUpsAnAddress, networkOf(address));
    },
  };
}

/**
 * A sign-in counts as failed until it succeeds, so few run at once per account: correct ones cannot reach the limit.
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
  countSignUp: async () => undefined,
};

/** Neither e-mails nor addresses stand in Redis in clear. */
function keyOf(limit: Limit, subject: string): string {
  return `limit:${limit.name}:${createHash('sha256').update(subject).digest('base64url').slice(0, 22)}`;
}
