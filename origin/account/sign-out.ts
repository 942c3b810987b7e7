// Signs out, ends another device's session, or deletes the account. The session ends at every origin before the
// answer.
import type { CartRequest, Carts } from '../cart/carts.ts';
import type { RequestOrigin } from '../identity/request-origin.ts';
import { endedSessionCookie } from '../identity/session-token.ts';
import { endCurrentSession, endSession, type SignedIn } from '../identity/sessions.ts';
import type { AccountDeps } from './account-deps.ts';
import { deleteAccount } from './change-account.ts';

/**
 * The cart stays with the account; the browser has an empty one. @returns cookies to set. @throws Refusal 422 as
 * `endCurrentSession` does
 */
export async function signOut(
  { deps, carts }: AccountDeps,
  { cookieHeader, idempotencyKey }: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  account: SignedIn,
): Promise<string[]> {
  await endCurrentSession(deps, account, idempotencyKey);
  return leaveBrowser(carts, { cookieHeader, accountId: account.id });
}

/**
 * Where it is the asker's own device, this is signing out. @returns cookies to set. @throws Refusal 404 as
 * `endSession` does
 */
export async function signOutDevice(
  { deps, carts }: AccountDeps,
  { cookieHeader, idempotencyKey }: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  account: SignedIn,
  sessionId: string,
): Promise<string[]> {
  await endSession(deps, account, sessionId, idempotencyKey);
  if (sessionId !== account.sessionId) return [];
  return leaveBrowser(carts, { cookieHeader, accountId: account.id });
}

/** The account's cart goes with it. @returns cookies to set. @throws Refusal 401 as `deleteAccount` does */
export async function leaveForGood(
  { deps, carts }: AccountDeps,
  requestOrigin: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  account: SignedIn | undefined,
): Promise<string[]> {
  await deleteAccount(deps, account, requestOrigin);
  // No cookies are named: there is no account left that a cart could be saved with.
  return leaveBrowser(carts, { cookieHeader: undefined });
}

/** The browser is nobody's, and its cart is empty. */
async function leaveBrowser(carts: Carts, request: CartRequest): Promise<string[]> {
  return [endedSessionCookie(), ...(await carts.leaveWithAccount(request))];
}
