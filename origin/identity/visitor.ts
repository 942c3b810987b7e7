// Identifies the visitor by session cookie and address, once for each request.
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { keyScopePrefix } from '../web/api/idempotency.ts';
import type { ApiKeyScope, AppEnv } from '../web/env.ts';
import { endedSessionCookie, readTokenHash } from './session.ts';
import { readSession, type SignedIn } from './sessions.ts';
import { owners, type StaffRole } from './staff-roles.ts';

export interface Visitor {
  account: SignedIn | undefined;
  /** The browser has the cookie of a session that was ended elsewhere or has expired. */
  hasEndedSession: boolean;
}

const visitors = new WeakMap<Request, Promise<Visitor>>();

/**
 * Reads the visitor of a page or a sign-in. An ended session counts as no session.
 * @throws Refusal 503 where there is a session cookie and no store can tell whose it is
 */
export function readVisitor(deps: Deps, c: Context<AppEnv>): Promise<Visitor> {
  const known = visitors.get(c.req.raw);
  if (known !== undefined) return known;
  const reading = read(deps, c.req.header('Cookie'));
  visitors.set(c.req.raw, reading);
  return reading;
}

async function read(deps: Deps, cookieHeader: string | undefined): Promise<Visitor> {
  const tokenHash = readTokenHash(deps.settings, cookieHeader);
  const account = tokenHash === undefined ? undefined : await readSession(deps, tokenHash);
  return { account, hasEndedSession: tokenHash !== undefined && account === undefined };
}

/**
 * Refuses an ended session in the API. Otherwise a program would take a guest's empty cart for its own.
 * @throws Refusal 401 `session-ended`
 */
export async function refuseEndedSession(deps: Deps, c: Context<AppEnv>): Promise<void> {
  const { hasEndedSession } = await readVisitor(deps, c);
  if (hasEndedSession) throw sessionEnded();
}

/** @throws Refusal 401 `sign-in-needed`, `session-ended` */
export async function requireAccount(deps: Deps, c: Context<AppEnv>): Promise<SignedIn> {
  await refuseEndedSession(deps, c);
  const { account } = await readVisitor(deps, c);
  if (account === undefined) throw signInNeeded();
  return account;
}

/** A member of the staff, or a program whose API key has the needed scope. */
export interface Staff {
  /** Id of the account; null for a program. */
  id: string | null;
  /** Scope of its idempotency keys. */
  scope: string;
  /** Whether it may see names, addresses and e-mail addresses of customers. */
  seesCustomers: boolean;
}

/** @throws Refusal 401 `sign-in-needed`, `session-ended`, 403 `staff-only` */
export async function requireStaff(deps: Deps, c: Context<AppEnv>): Promise<Staff> {
  const key = c.get('apiKey');
  if (key !== undefined)
    return {
      id: null,
      scope: `${keyScopePrefix}${key.id}`,
      seesCustomers: key.scopes.includes('customers:read'),
    };
  const { id } = await requireStaffAccount(deps, c);
  return { id, scope: `account:${id}`, seesCustomers: true };
}

/** Admits people only, never programs. @throws Refusal as `requireStaff` does */
export async function requireStaffAccount(deps: Deps, c: Context<AppEnv>): Promise<SignedIn> {
  const account = await requireAccount(deps, c);
  if (account.role !== 'staff') throw new Refusal(403, 'staff-only', 'This is for the staff of the shop');
  return account;
}

export interface Owner {
  id: string;
  scope: string;
}

/**
 * The only check for making API keys and webhooks. Programs are never admitted.
 * @throws Refusal 401 `sign-in-needed`, `session-ended`, 403 `staff-only`, `not-your-role`
 */
export async function requireOwner(deps: Deps, c: Context<AppEnv>): Promise<Owner> {
  const account = await requireStaffAccount(deps, c);
  requireRole(account, owners);
  return { id: account.id, scope: `account:${account.id}` };
}

export const bearerRealm = 'Bearer realm="MyClothes.com"';

/** The refusal for an API key without the needed scope (RFC 6750, 3.1). */
export function missingScope(needed: ApiKeyScope | 'people-only'): Refusal {
  if (needed === 'people-only')
    return new Refusal(403, 'missing-scope', 'This is for people; no API key can do it', {
      headers: { 'WWW-Authenticate': `${bearerRealm}, error="insufficient_scope"` },
    });
  return new Refusal(403, 'missing-scope', `This API key lacks the scope ${needed}`, {
    details: { scope: needed },
    headers: { 'WWW-Authenticate': `${bearerRealm}, error="insufficient_scope", scope="${needed}"` },
  });
}

/** @throws Refusal 403 `not-your-role` */
export function requireRole(account: SignedIn, roles: readonly StaffRole[]): void {
  if (account.staffRole !== undefined && roles.includes(account.staffRole)) return;
  const role = account.staffRole ?? 'shopper';
  throw new Refusal(403, 'not-your-role', `This is not part of the work of the role '${role}'`);
}

const proofHoldsMs = 600_000;

/**
 * Requires a proof of identity from the last ten minutes, for refunds, roles, exports and deletion. The proof is the
 * second factor, or the password where there is none. Signing in counts.
 * @throws Refusal 401 `second-factor-needed`, `password-needed`
 */
export function requireFreshProof(account: SignedIn, nowMs: number): void {
  if (account.verifiedAtMs !== null && nowMs - account.verifiedAtMs < proofHoldsMs) return;
  if (account.hasSecondFactor)
    throw new Refusal(401, 'second-factor-needed', 'Please show your second factor once more');
  throw new Refusal(401, 'password-needed', 'Please enter your password once more');
}

/** Whether a page must ask for the second factor or the password once more. */
export function needsProof(error: unknown): boolean {
  const codes: string[] = ['second-factor-needed', 'password-needed'];
  return error instanceof Refusal && codes.includes(error.code);
}

export function signInNeeded(): Refusal {
  return new Refusal(401, 'sign-in-needed', 'Please sign in first');
}

/** Clears the cookie, so that the next request is a guest's. */
export function sessionEnded(): Refusal {
  const message = 'Your session has ended; sign in again, or go on as a guest';
  return new Refusal(401, 'session-ended', message, { headers: { 'Set-Cookie': endedSessionCookie() } });
}

/** Origin of an account request: cookies, address, device and idempotency key. */
export interface RequestOrigin {
  cookieHeader: string | undefined;
  /** Client address for rate limits. */
  address: string;
  /** User-Agent, shown in the list of devices. */
  device: string;
  idempotencyKey: string | undefined;
}

/** @param idempotencyKey from the header, or from a form's hidden field */
export function requestOriginOf(c: Context<AppEnv>, idempotencyKey: string | undefined): RequestOrigin {
  return {
    cookieHeader: c.req.header('Cookie'),
    address: c.get('clientAddress'),
    device: (c.req.header('User-Agent') ?? '').toWellFormed(),
    idempotencyKey,
  };
}
