// Hashes passwords with argon2id, at most two at once, so that a rush of sign-ins leaves processor time to shoppers.
import { hash, verify } from '@node-rs/argon2';
import { Refusal } from '../errors.ts';

export interface PasswordCost {
  /** KiB */
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

export interface Passwords {
  /** @throws Refusal 503 `busy` */
  hash(password: string): Promise<string>;
  /**
   * Takes the same time whether or not there is an account: without one, a hash of nobody's password is verified.
   * @param passwordHash undefined where no account has the e-mail
   * @throws Refusal 503 `busy`
   */
  matches(passwordHash: string | undefined, password: string): Promise<boolean>;
}

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. The library's default algorithm is argon2id. */
const productionCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Make one a process: its turns are what bounds the work. */
export function createPasswords(cost: PasswordCost = productionCost): Passwords {
  const inTurn = createAdmissionQueue({ mostAtOnce: 2, mostWaiting: 200 });
  const nobodysHash = hash(crypto.randomUUID(), cost);
  return {
    hash: (password) => inTurn(() => hash(password, cost)),
    async matches(passwordHash, password) {
      const verified = await inTurn(async () => verify(passwordHash ?? (await nobodysHash), password));
      return passwordHash !== undefined && verified;
    },
  };
}

function createAdmissionQueue({ mostAtOnce, mostWaiting }: { mostAtOnce: number; mostWaiting: number }) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < mostAtOnce) running += 1;
    else if (waiting.length < mostWaiting) await new Promise<void>((resolve) => waiting.push(resolve));
    else throw new Refusal(503, 'busy', 'Too many people are signing in right now', { retryAfterSeconds: 2 });
    try {
      return await work();
    } finally {
      // The place is handed on, not freed, so that nobody who arrives meanwhile takes it as well.
      const following = waiting.shift();
      if (following === undefined) running -= 1;
      else following();
    }
  };
}
