// Who asks, as the session cookie says; asked once a request.
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import type { AppEnv } from '../web/env.ts';
import { readTokenHash } from './session-token.ts';
import { readSession, type SignedIn } from './sessions.ts';

export interface Visitor {
  account: SignedIn | undefined;
}

const visitors = new WeakMap<Request, Promise<Visitor>>();

/** @throws Refusal 503 where a session is claimed and nobody can tell whose it is. */
export function readVisitor(deps: Deps, c: Context<AppEnv>): Promise<Visitor> {
  const known = visitors.get(c.req.raw);
  if (known !== undefined) return known;
  const reading = read(deps, c.req.header('Cookie'));
  visitors.set(c.req.raw, reading);
  return reading;
}

async function read(deps: Deps, cookieHeader: string | undefined): Promise<Visitor> {
  const tokenHash = readTokenHash(deps.settings, cookieHeader);
  return { account: tokenHash === undefined ? undefined : await readSession(deps, tokenHash) };
}

/** @throws Refusal 401 `sign-in-needed` */
export async function requireAccount(deps: Deps, c: Context<AppEnv>): Promise<SignedIn> {
  const { account } = await readVisitor(deps, c);
  if (account === undefined) throw signInNeeded();
  return account;
}

/** @throws Refusal 401 `sign-in-needed`, 403 `staff-only` */
export async function requireStaff(deps: Deps, c: Context<AppEnv>): Promise<SignedIn> {
  const account = await requireAccount(deps, c);
  if (account.role !== 'staff') throw new Refusal(403, 'staff-only', 'This is for the staff of the shop');
  return account;
}

export function signInNeeded(): Refusal {
  return new Refusal(401, 'sign-in-needed', 'Please sign in first');
}
