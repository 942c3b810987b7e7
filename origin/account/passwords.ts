// Passwords are hashed with argon2id, never more than two at once, so that a rush of sign-ins cannot take the processors from the shoppers.
import { hash, verify } from '@node-rs/argon2';
import { Refusal } from '../errors.ts';

export interface PasswordCost {
  /** KiB */
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. The library's default algorithm is argon2id. */
export const passwordCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

const mostAtOnce = 2;
const mostWaiting = 200;
let running = 0;
const waiting: (() => void)[] = [];

export function hashPassword(password: string, cost: PasswordCost = passwordCost): Promise<string> {
  return inTurn(() => hash(password, cost));
}

/**
 * Takes the same time whether or not there is an account: without one, a hash of nobody's password is verified.
 * @param passwordHash undefined where no account has the e-mail
 */
export async function isPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
  const verified = await inTurn(async () => verify(passwordHash ?? (await nobodysHash), password));
  return passwordHash !== undefined && verified;
}

const nobodysHash = hash(crypto.randomUUID(), passwordCost);

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
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
}
