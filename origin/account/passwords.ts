// Hashes passwords with argon2id, at most two at once for all uses together, and refuses those that are easily guessed.
// Also hides them in fingerprints, and sets the staff account's password at start-up.
import { createHmac } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { createLanes, SemaphoreFullError } from '../concurrency/semaphore.ts';
import { Refusal } from '../errors.ts';
import type { Db } from '../schema.ts';

interface PasswordCost {
  /** KiB */
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

/** What hashing is for. Each use has a queue of its own, so that a flood of one does not stop the others. */
const passwordUses = ['sign-in', 'known-device', 'sign-up', 'reset', 'change'] as const;
export type PasswordUse = (typeof passwordUses)[number];

export interface Passwords {
  /** @throws Refusal 503 `busy` */
  hash(password: string, use: PasswordUse): Promise<string>;
  /**
   * Takes the same time whether or not an account exists: without one, it verifies against a random password's hash.
   * @param passwordHash undefined where no account has the e-mail
   * @throws Refusal 503 `busy`
   */
  matches(passwordHash: string | undefined, password: string, use: PasswordUse): Promise<boolean>;
}

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. The library's default algorithm is argon2id. */
const productionCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** At most two hashes run at once, so that processor time is left for shoppers. */
const bounds = { atOnce: 2, waiting: 200, waitMs: 15_000 };

/** Create one a process: its queues bound the work. */
export function createPasswords(cost: PasswordCost = productionCost): Passwords {
  const lanes = createLanes(passwordUses, bounds);
  const inTurn = async <T>(use: PasswordUse, work: () => Promise<T>): Promise<T> => {
    try {
      return await lanes.run(use, work);
    } catch (error) {
      if (!(error instanceof SemaphoreFullError)) throw error;
      throw new Refusal(503, 'busy', 'Too many people are signing in right now', { retryAfterSeconds: 2 });
    }
  };
  const nobodysHash = hash(crypto.randomUUID(), cost);
  return {
    hash: (password, use) => inTurn(use, () => hash(password, cost)),
    async matches(passwordHash, password, use) {
      const verified = await inTurn(use, async () => verify(passwordHash ?? (await nobodysHash), password));
      return passwordHash !== undefined && verified;
    },
  };
}

/**
 * Replaces each password by a keyed digest before a body is fingerprinted. A password is then stored only as its
 * argon2id hash.
 * @returns the body with the digests
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
 * Creates the staff account that the settings name, at start-up, if it does not exist. An existing account stays as
 * it is: a restart must not undo a changed password, nor promote a shopper.
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
  // The member has another address now. A new account here would be a second owner with the old password.
  const moved = await db
    .selectFrom('email_confirmations')
    .select('account_id')
    .where((where) => where(where.fn('lower', ['former_email']), '=', staff.email.toLowerCase()))
    .where('used_at', 'is not', null)
    .where('undone_at', 'is', null)
    .executeTakeFirst();
  if (moved !== undefined) return;
  await db
    .insertInto('accounts')
    .values({
      email: staff.email,
      name: 'Staff',
      role: 'staff',
      staff_role: 'owner',
      password_hash: await passwords.hash(staff.password, 'sign-up'),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

// Refuses passwords that are easily guessed: the commonest ones, the person's own e-mail or name, and the shop's
// name.

/**
 * The commonest leaked passwords, in lower case: 17,950 of eight characters or more, from the 49,233 of
 * `@zxcvbn-ts/language-common` 4.1. They are read when the first password is chosen, because most processes never
 * need them.
 */
let commonest: Promise<Set<string>> | undefined;

export async function readCommonestPasswords(): Promise<Set<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].map(String).filter((word) => word.length >= 8));
}

/** The person whose password it is to be. */
export interface PasswordOwner {
  email: string;
  name: string;
}

/**
 * Compares whole passwords, in lower case. For the person's and the shop's words, blanks and punctuation are ignored.
 * @param field the body's field, for the fault's pointer
 * @throws Refusal 422 `invalid-body`
 */
export async function refuseGuessablePassword(
  password: string,
  owner: PasswordOwner,
  field: 'password' | 'newPassword',
): Promise<void> {
  commonest ??= readCommonestPasswords();
  const message = findReason(password, owner, await commonest);
  if (message === undefined) return;
  throw new Refusal(422, 'invalid-body', `${field}: ${message}`, {
    details: { faults: [{ pointer: `#/${field}`, field, message }] },
  });
}

function findReason(password: string, { email, name }: PasswordOwner, common: Set<string>) {
  if (common.has(password.toLowerCase()))
    return 'is one of the passwords that are guessed first; choose another one';
  const letters = squeeze(password);
  const own = [email, email.slice(0, Math.max(0, email.lastIndexOf('@'))), name].map(squeeze);
  if (letters !== '' && own.includes(letters)) return 'must not be your own e-mail address or name';
  if (/^myclothes(com)?\d*$/.test(letters)) return 'must not be the name of this shop';
  return undefined;
}

function squeeze(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}
