// Registers the passkeys of accounts (WebAuthn), and checks them at sign-in.
// A signed-in shopper registers one; it then signs in alone, or serves as the second factor.
import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { raiseAccountFloor } from '../identity/account-tag.ts';
import { hashToken, makeToken, sessionCookie } from '../identity/session.ts';
import { renewSession, type SignedIn } from '../identity/sessions.ts';
import { requireFreshProof } from '../identity/visitor.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import type { AccountDeps } from './account-deps.ts';
import {
  entryOptions as entryOptionsOf,
  mostPasskeyName,
  mostPasskeys,
  type Passkey,
  type RelyingParty,
  readAnswer,
  registrationOptions,
  useChallenge,
  verifyEntry,
  verifyRegistration,
  wrongPasskey,
} from './passkey-ceremony.ts';
import { hashRecoveryCode, makeRecoveryCodes } from './totp.ts';

type PartyDeps = Pick<Deps, 'settings' | 'now'>;

function shopOf({ settings, now }: PartyDeps): RelyingParty {
  return { url: settings.siteUrl, name: 'MyClothes.com', cookieKeys: settings.cookieKeys, now };
}

export function listPasskeys(db: DbOrTx, accountId: string): Promise<Passkey[]> {
  return db
    .selectFrom('passkeys')
    .select(['credential_id as id', 'name', 'created_at as createdAt', 'last_used_at as lastUsedAt'])
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .execute();
}

/** Returns what the page's script passes to the browser. */
export async function passkeyOptions(deps: Deps, account: SignedIn): Promise<object> {
  const { id, email, name } = account;
  return registrationOptions(
    shopOf(deps),
    { register: id },
    {
      // The handle is a keyed hash, so that it does not tell who the user is.
      handle: createHmac('sha256', 'passkey user').update(id).digest(),
      name: email,
      displayName: name,
      present: await listPasskeys(deps.db, id),
    },
  );
}

/**
 * Options for signing in, and for proving again who one is. They name no passkey, so the browser offers those that it
 * has.
 */
export function entryOptions(deps: PartyDeps): object {
  return entryOptionsOf(shopOf(deps), 'enter');
}

/**
 * Adds a passkey. All other sessions end, and this one gets a new token.
 * @returns recovery codes where the account had none, shown only now
 * @throws Refusal 401 as `requireFreshProof`, 403 `wrong-code`, 422 `invalid-body`
 */
export async function addPasskey(
  { deps }: Pick<AccountDeps, 'deps'>,
  account: SignedIn,
  { name, response }: { name: string; response: string },
): Promise<{ setCookies: string[]; recoveryCodes: string[] | undefined }> {
  requireFreshProof(account, deps.now());
  const { columns, challenge } = await verifyRegistration(shopOf(deps), { register: account.id }, response);
  const token = makeToken(deps.settings.cookieKeys, undefined);
  const made = await deps.db.transaction().execute(async (tx) => {
    await useChallenge(tx, challenge);
    await tx.selectFrom('accounts').select('id').where('id', '=', account.id).forUpdate().execute();
    if ((await listPasskeys(tx, account.id)).length >= mostPasskeys)
      throw new Refusal(422, 'invalid-body', `An account has at most ${mostPasskeys} passkeys`);
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('passkeys')
      .values({
        ...columns,
        account_id: account.id,
        name: name.trim().slice(0, mostPasskeyName) || 'Passkey',
        last_used_at: null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 0n) throw wrongPasskey();
    const recoveryCodes = await ensureRecoveryCodes(tx, account.id);
    await markVerified(deps, tx, account.sessionId);
    return { recoveryCodes, tags: await renewSession(tx, account, hashToken(token)) };
  });
  await raiseAccountFloor(deps, made.tags);
  deps.log.info({ security: 'passkey-added', account: account.id }, 'security');
  return { setCookies: [sessionCookie(deps.settings, token)], recoveryCodes: made.recoveryCodes };
}

async function ensureRecoveryCodes(tx: Tx, accountId: string): Promise<string[] | undefined> {
  const left = await tx
    .selectFrom('recovery_codes')
    .select('code_hash')
    .where('account_id', '=', accountId)
    .where('used_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  if (left !== undefined) return undefined;
  const codes = makeRecoveryCodes();
  const rows = codes.map((one) => ({
    account_id: accountId,
    code_hash: hashRecoveryCode(one),
    used_at: null,
  }));
  await tx.insertInto('recovery_codes').values(rows).execute();
  return codes;
}

export async function markVerified({ now }: Pick<Deps, 'now'>, tx: Tx, sessionId: string): Promise<void> {
  await tx
    .updateTable('sessions')
    .set({ verified_at: new Date(now()) })
    .where('id', '=', sessionId)
    .execute();
}

/**
 * Uses up a passkey's answer in the transaction of the action that needs it.
 * @returns the account's id. @throws Refusal 403 `wrong-code`
 */
export async function takePasskey(deps: Deps, tx: Tx, response: string): Promise<string> {
  const row = await tx
    .selectFrom('passkeys')
    .selectAll()
    .where('credential_id', '=', readAnswer(response).id)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw wrongPasskey();
  const { counter, challenge } = await verifyEntry(shopOf(deps), 'enter', { stored: row, response });
  await useChallenge(tx, challenge);
  await tx
    .updateTable('passkeys')
    .set({ counter, last_used_at: new Date(deps.now()) })
    .where('credential_id', '=', row.credential_id)
    .execute();
  return row.account_id;
}

/** @returns the account that the unverified answer claims, because it must be locked before the passkey */
export async function findPasskeyOwner(db: Db, response: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('passkeys')
    .select('account_id')
    .where('credential_id', '=', readAnswer(response).id)
    .executeTakeFirst();
  return row?.account_id;
}

export async function renamePasskey(
  db: Db,
  account: SignedIn,
  change: { id: string; name: string },
): Promise<void> {
  await db
    .updateTable('passkeys')
    .set({ name: change.name.trim().slice(0, mostPasskeyName) || 'Passkey' })
    .where('credential_id', '=', change.id)
    .where('account_id', '=', account.id)
    .execute();
}

/**
 * @param isMeant whether the form confirms that the last second factor may be removed
 * @throws Refusal 401 as `requireFreshProof`, 409 `last-factor`
 */
export async function removePasskey(
  { deps }: Pick<AccountDeps, 'deps'>,
  account: SignedIn,
  { id, isMeant }: { id: string; isMeant: boolean },
): Promise<string[]> {
  requireFreshProof(account, deps.now());
  const token = makeToken(deps.settings.cookieKeys, undefined);
  const tags = await deps.db.transaction().execute(async (tx) => {
    await tx.selectFrom('accounts').select('id').where('id', '=', account.id).forUpdate().execute();
    await tx
      .deleteFrom('passkeys')
      .where('credential_id', '=', id)
      .where('account_id', '=', account.id)
      .execute();
    await settleLastFactor(deps, tx, account, { isMeant });
    return renewSession(tx, account, hashToken(token));
  });
  await raiseAccountFloor(deps, tags);
  deps.log.info({ security: 'passkey-removed', account: account.id }, 'security');
  return [sessionCookie(deps.settings, token)];
}

/**
 * Runs after a factor was removed. If it was the last one, the recovery codes are deleted too. Staff must keep it
 * where the shop requires a second factor.
 * @throws Refusal 409 `last-factor`
 */
export async function settleLastFactor(
  { settings }: Pick<Deps, 'settings'>,
  tx: Tx,
  account: SignedIn,
  { isMeant }: { isMeant: boolean },
): Promise<void> {
  const { rows } = await sql<{ left: boolean }>`
    select exists (select from passkeys where account_id = ${account.id})
      or exists (select from totp_secrets where account_id = ${account.id} and confirmed_at is not null) as left`.execute(
    tx,
  );
  if (rows[0]!.left) return;
  if (account.role === 'staff' && settings.staffSecondFactor)
    throw new Refusal(409, 'last-factor', 'This is your only second factor, and the shop requires one');
  if (!isMeant)
    throw new Refusal(
      409,
      'last-factor',
      'This is your only second factor: say that you mean it, and press again',
    );
  await tx.deleteFrom('recovery_codes').where('account_id', '=', account.id).execute();
}
