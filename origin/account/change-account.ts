// Changes a shopper's own account: name, password, deletion. Each idempotency key makes one change.
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { raiseAccountFloor, raiseAccountVersion } from '../identity/account-tag.ts';
import { hashToken, makeToken, readTokenHash, sessionCookie } from '../identity/session.ts';
import { renewSession, type SignedIn } from '../identity/sessions.ts';
import { type RequestOrigin, sessionEnded, signInNeeded } from '../identity/visitor.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import { erasePerson, type PersonTraces } from '../privacy/erase-person.ts';
import { forgetTracesNow } from '../privacy/forget-traces.ts';
import { readPersonOfAccount } from '../privacy/person.ts';
import type { Tx } from '../schema.ts';
import { findResult, refuseUsedKey, rememberInScope, writeOnce } from '../web/api/idempotency.ts';
import { type Account, accountColumns, toAccount } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { refuseWithoutOwner } from './members.ts';
import { hidePassword, type Passwords, refuseGuessablePassword } from './passwords.ts';

export async function readAccount({ db }: Pick<Deps, 'db'>, account: SignedIn): Promise<Account> {
  const row = await db
    .selectFrom('accounts')
    .select(accountColumns)
    .where('id', '=', account.id)
    .executeTakeFirst();
  if (row === undefined) throw sessionEnded();
  return toAccount(row);
}

export async function updateAccount(
  deps: Deps,
  account: SignedIn,
  patch: { name?: string | undefined },
  key: string | undefined,
): Promise<Account> {
  const write = { scope: scopeOf(account), key, method: 'PATCH', path: '/api/account', body: patch };
  const tags = await writeOnce(deps.db, write, async (tx) => {
    if (patch.name === undefined) return {};
    await tx.updateTable('accounts').set({ name: patch.name }).where('id', '=', account.id).execute();
    return raiseAccountVersion(tx, account.id);
  });
  await raiseAccountFloor(deps, tags);
  return readAccount(deps, account);
}

/**
 * Gives this session a new token and ends all others. A repeated request may still carry the old token, and gets the
 * same answer as the first.
 * @param account undefined where the session has ended, perhaps by this very change
 * @returns cookies to set. @throws Refusal 403 `wrong-password`, 429 `too-many-attempts`
 */
export async function changePassword(
  { deps, passwords, limits }: AccountDeps,
  account: SignedIn | undefined,
  { cookieHeader, idempotencyKey: key }: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  change: { currentPassword: string; newPassword: string },
): Promise<string[]> {
  const { settings, db } = deps;
  const former = readTokenHash(settings, cookieHeader);
  const token = makeToken(settings.cookieKeys, key && `new token\n${former}\n${key}`);
  const body = hidePassword(settings.cookieKeys, change);
  const write = { key, method: 'PUT', path: '/api/account/password', body };
  const ofSession = { ...write, scope: `session:${former}` };
  if (account === undefined) {
    if (former === undefined) throw signInNeeded();
    if ((await findResult(db, ofSession)) === undefined) throw sessionEnded();
    return [sessionCookie(settings, token)];
  }
  await refuseGuessablePassword(change.newPassword, account, 'newPassword');
  // Hashing is slow, so it runs before BEGIN. The transaction checks that the password hash has not changed since.
  const present = await limits.tryPassword(account.id, () =>
    findByPassword(deps, passwords, account, change),
  );
  const newHash = present && (await passwords.hash(change.newPassword, 'change'));
  const result = await writeOnce(db, { ...write, scope: scopeOf(account) }, async (tx) => {
    if (present === undefined || newHash === undefined) throw wrongPassword();
    const changed = await tx
      .updateTable('accounts')
      .set({ password_hash: newHash })
      .where('id', '=', account.id)
      .where('password_hash', '=', present)
      .executeTakeFirst();
    if (changed.numUpdatedRows === 0n) throw wrongPassword();
    const made = { tags: await renewSession(tx, account, hashToken(token)), former: former ?? '' };
    await rememberInScope(tx, ofSession, made);
    return made;
  });
  await raiseAccountFloor(deps, result.tags);
  deps.log.info({ security: 'password-changed', account: account.id }, 'security');
  // A repeated request that already has the new token keeps it.
  return result.former === former ? [sessionCookie(settings, token)] : [];
}

export function wrongPassword(): Refusal {
  return new Refusal(403, 'wrong-password', 'That is not your current password');
}

/** @returns the present hash if the password is right */
export async function findByPassword(
  { db }: Deps,
  passwords: Passwords,
  account: SignedIn,
  { currentPassword }: { currentPassword: string },
): Promise<string | undefined> {
  const present = await db
    .selectFrom('accounts')
    .select('password_hash')
    .where('id', '=', account.id)
    .executeTakeFirst();
  const isRight = await passwords.matches(present?.password_hash, currentPassword, 'change');
  return isRight ? present?.password_hash : undefined;
}

/**
 * Deletes the account. Orders stay without the person, and invoices stay whole. All other data goes as the register
 * of personal data says.
 * @param account undefined where it is already deleted; the idempotency key belongs to the session, so that a
 * repeated request gets the same answer as the first
 * @throws Refusal 401 `sign-in-needed`, `session-ended`, 409 `last-owner`
 */
export async function deleteAccount(
  deps: Deps,
  account: SignedIn | undefined,
  { cookieHeader, idempotencyKey: key }: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
): Promise<void> {
  const session = readTokenHash(deps.settings, cookieHeader);
  const scope = session && `session:${session}`;
  const write = { scope, key, method: 'DELETE', path: '/api/account', body: null };
  let traces: PersonTraces | undefined;
  const remove = async (tx: Tx) => {
    if (account === undefined) throw session === undefined ? signInNeeded() : sessionEnded();
    await refuseUsedKey(tx, scopeOf(account), key);
    // All transactions lock the account before its cart.
    await tx.selectFrom('accounts').select('id').where('id', '=', account.id).forUpdate().execute();
    await refuseWithoutOwner(tx, account.id);
    const person = await readPersonOfAccount(tx, account.id);
    if (person === undefined) throw sessionEnded();
    traces = await erasePerson(tx, person);
    return raiseAccountVersion(tx, account.id);
  };
  await raiseAccountFloor(deps, await retryOnConflict(() => writeOnce(deps.db, write, remove)));
  if (traces === undefined) return;
  deps.log.info({ security: 'erasure', account: account?.id }, 'security');
  await forgetTracesNow(deps, traces);
}

function scopeOf(account: SignedIn): string {
  return `account:${account.id}`;
}
