// Passwords: hashed with argon2id, at most two at once, hidden in fingerprints, and set for the staff account at
// start-up.

import { createHmac } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { Refusal } from '../errors.ts';
import type { Db } from '../schema.ts';

/**
 * Hashes passwords with argon2id, at most two at once, so that a rush of sign-ins leaves processor time to
 * shoppers.
 */
interface PasswordCost {
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

/**
 * Replaces passwords by keyed digests in a request's fingerprint, so that a password is stored only as its
 * argon2id hash.
 * @returns the body with each password replaced by a keyed digest of it.
 */
export function hidePassword<Body extends object>(cookieKeys: string[], body: Body): Record<string, unknown> {
  const digest = (text: string) =>
    createHmac('sha256', cookieKeys[0]!).update(`password\n${text}`).digest('base64url');
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      /password/i.test(name) && typeof value === 'string' ? digest(value) : value,
    ]),
  );
}

/**
 * Creates the staff account that the settings name, at start-up, if it does not exist. An account that exists
 * stays as it is: a restart must not undo a password that was changed since, nor promote a shopper.
 */
export async function ensureStaffAccount(
  db: Db,
  passwords: Passwords,
  staff: { email: string; password: string },
): Promise<void> {
  const existing = await db
    .selectFrom('accounts')
    .select('id')
    .where((where) => where(where.fn('lower', ['email']), '=', staff.email.toLowerCase()))
    .executeTakeFirst();
  if (existing !== undefined) return;
  await db
    .insertInto('accounts')
    .values({
      email: staff.email,
      name: 'Staff',
      role: 'staff',
      password_hash: await passwords.hash(staff.password),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
