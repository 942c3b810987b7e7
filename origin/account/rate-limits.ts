// How often may be tried: counted in Redis for all origins, in this process while Redis is away. An attempt is counted before it is made
// and taken back where it was right, so that a burst cannot slip in between looking and counting.
import { createHash } from 'node:crypto';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
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
   * Call before a sign-in is checked.
   * @returns takes the attempt back: call it where the sign-in was right, as only failed ones count
   * @throws Refusal 429 `too-many-attempts` with `Retry-After`
   */
  attemptSignIn(email: string, address: string): Promise<() => Promise<void>>;
  /** @throws Refusal 429 `too-many-attempts` with `Retry-After` */
  countSignUp(address: string): Promise<void>;
}

export function createRateLimits(deps: Pick<Deps, 'settings' | 'redis' | 'now'>): RateLimits {
  if (!deps.settings.rateLimits) return unlimited;
  const counters = createAttemptCounters(deps);
  const attempt = async (limit: Limit, subject: string): Promise<() => Promise<void>> => {
    const key = keyOf(limit, subject);
    const { allowed, secondsLeft } = await counters.take(key, limit.most, limit.windowSeconds);
    if (allowed) return () => counters.giveBack(key);
    throw new Refusal(429, 'too-many-attempts', 'Too many attempts; please wait before the next one', {
      retryAfterSeconds: Math.max(1, secondsLeft),
    });
  };
  return {
    async attemptSignIn(email, address) {
      const ofAddress = await attempt(signInsAnAddress, address);
      const ofAccount = await attempt(signInsAnAccount, email.trim().toLowerCase());
      return async () => {
        await Promise.all([ofAddress(), ofAccount()]);
      };
    },
    async countSignUp(address) {
      await attempt(signUpsAnAddress, address);
    },
  };
}

const unlimited: RateLimits = {
  attemptSignIn: async () => async () => undefined,
  countSignUp: async () => undefined,
};

/** Neither e-mails nor addresses stand in Redis in clear. */
function keyOf(limit: Limit, subject: string): string {
  return `limit:${limit.name}:${createHash('sha256').update(subject).digest('base64url').slice(0, 22)}`;
}
