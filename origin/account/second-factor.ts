// The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes that each work once.
import { sql } from 'kysely';
import { Refusal } from '../errors.ts';
import { raiseAccountFloor, raiseAccountVersion } from '../identity/account-tag.ts';
import { hashToken, makeToken, sessionCookie } from '../identity/session.ts';
import { deleteSessions, renewSession, type SignedIn } from '../identity/sessions.ts';
import { type RequestOrigin, requireFreshProof } from '../identity/visitor.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import { normaliseEmail } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { findByPassword, wrongPassword } from './change-account.ts';
import { readKnownDevice } from './known-device.ts';
import { listPasskeys, markVerified, settleLastFactor, takePasskey } from './passkeys.ts';
import {
  hashRecoveryCode,
  isTotpCode,
  makeRecoveryCodes,
  makeTotpSecret,
  normaliseCode,
  openSecret,
  sealSecret,
  stepOfCode,
  totpUri,
} from './totp.ts';

const purpose = 'totp secret';

export interface SecondFactorState {
  enabled: boolean;
  recoveryCodesLeft: number;
}

export async function readSecondFactor(db: Db, accountId: string): Promise<SecondFactorState> {
  const { left } = await db
    .selectFrom('recovery_codes')
    .select((select) => select.fn.countAll<string>().as('left'))
    .where('account_id', '=', accountId)
    .where('used_at', 'is', null)
    .executeTakeFirstOrThrow();
  return { enabled: await hasApp(db, accountId), recoveryCodesLeft: Number(left) };
}

/** Tells whether the account has an app or a passkey. */
export async function hasSecondFactor(db: DbOrTx, accountId: string): Promise<boolean> {
  return (await hasApp(db, accountId)) || (await listPasskeys(db, accountId)).length > 0;
}

async function hasApp(db: DbOrTx, accountId: string): Promise<boolean> {
  const found = await db
    .selectFrom('totp_secrets')
    .select('account_id')
    .where('account_id', '=', accountId)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirst();
  return found !== undefined;
}

/**
 * Makes a secret that counts once one of its codes was shown. It needs the password, because a stolen session must
 * not lock the owner out.
 * @returns what an authenticator app takes. @throws Refusal 403 `wrong-password`, 409 `second-factor-set-up`
 */
export async function beginSecondFactor(
  own: AccountDeps,
  account: SignedIn,
  currentPassword: string,
): Promise<{ secret: string; uri: string }> {
  const { deps } = own;
  if (account.hasSecondFactor) requireFreshProof(account, deps.now());
  await requirePassword(own, account, currentPassword);
  const secret = makeTotpSecret();
  const sealed = sealSecret(deps.settings.cookieKeys, purpose, secret);
  const { numInsertedOrUpdatedRows } = await deps.db
    .insertInto('totp_secrets')
    .values({ account_id: account.id, secret: sealed, confirmed_at: null, last_step: 0 })
    .onConflict((conflict) =>
      conflict
        .column('account_id')
        .doUpdateSet({ secret: sealed, last_step: 0 })
        .where('totp_secrets.confirmed_at', 'is', null),
    )
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n)
    throw new Refusal(409, 'second-factor-set-up', 'Remove the second factor that you have first');
  return { secret, uri: totpUri(secret, account.email) };
}

/** Reads the secret whose set-up was begun and not yet confirmed, for the page. */
export async function readPendingSecret(
  { deps }: AccountDeps,
  account: SignedIn,
): Promise<{ secret: string; uri: string } | undefined> {
  const row = await deps.db
    .selectFrom('totp_secrets')
    .select('secret')
    .where('account_id', '=', account.id)
    .where('confirmed_at', 'is', null)
    .executeTakeFirst();
  const secret = row && openSecret(deps.settings.cookieKeys, purpose, row.secret);
  return secret === undefined ? undefined : { secret, uri: totpUri(secret, account.email) };
}

type Asked = Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>;

/**
 * Turns on the second factor: sign-in asks for a code from now on. This session gets a new token, and all others end.
 * @returns the recovery codes, shown only now. @throws Refusal 403 `wrong-code`
 */
export async function confirmSecondFactor(
  own: AccountDeps,
  account: SignedIn,
  asked: Asked,
  code: string,
): Promise<{ recoveryCodes: string[]; setCookies: string[] }> {
  const recoveryCodes = makeRecoveryCodes();
  const setCookies = await changeFactor(own, account, asked, code, async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('totp_secrets')
      .set({ confirmed_at: sql`now()` })
      .where('account_id', '=', account.id)
      .where('confirmed_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n)
      throw new Refusal(409, 'second-factor-set-up', 'The second factor is set up already');
    await tx.deleteFrom('recovery_codes').where('account_id', '=', account.id).execute();
    await tx
      .insertInto('recovery_codes')
      .values(
        recoveryCodes.map((one) => ({
          account_id: account.id,
          code_hash: hashRecoveryCode(one),
          used_at: null,
        })),
      )
      .execute();
  });
  return { recoveryCodes, setCookies };
}

/** @throws Refusal 403 `wrong-code`, 409 `last-factor` */
export async function removeSecondFactor(
  own: AccountDeps,
  account: SignedIn,
  asked: Asked,
  code: string,
): Promise<string[]> {
  return changeFactor(own, account, asked, code, async (tx) => {
    await tx.deleteFrom('totp_secrets').where('account_id', '=', account.id).execute();
    // The code that was entered confirms the removal.
    await settleLastFactor(own.deps, tx, account, { isMeant: true });
  });
}

/**
 * Removes all second factors of a member of staff who lost theirs. The password alone then signs in again, and all
 * sessions end.
 * @returns whether the member exists
 */
export async function resetMemberFactors(
  db: Db,
  { by, email }: { by: string; email: string },
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const member = await tx
      .selectFrom('accounts')
      .select('id')
      .where((where) => where(where.fn('lower', ['email']), '=', normaliseEmail(email)))
      .where('role', '=', 'staff')
      .forUpdate()
      .executeTakeFirst();
    if (member === undefined) return false;
    for (const table of ['totp_secrets', 'recovery_codes', 'passkeys'] as const)
      await tx.deleteFrom(table).where('account_id', '=', member.id).execute();
    await deleteSessions(tx, member.id);
    await sql`
      insert into staff_changes (who, subject, before, after)
      values (${by}, ${`account:${member.id}`}, '{}', '{"secondFactor":"reset"}')`.execute(tx);
    await raiseAccountVersion(tx, member.id);
    return true;
  });
}

/** Checks a code, applies the change and renews the session's token, in one transaction. */
async function changeFactor(
  own: AccountDeps,
  account: SignedIn,
  { cookieHeader }: Asked,
  code: string,
  apply: (tx: Tx) => Promise<void>,
): Promise<string[]> {
  const { deps } = own;
  const token = makeToken(deps.settings.cookieKeys, undefined);
  const tags = await guessCode(own, account, cookieHeader, () =>
    deps.db.transaction().execute(async (tx) => {
      if (!(await takeCode(own, tx, account.id, code))) return undefined;
      await apply(tx);
      await markVerified(deps, tx, account.sessionId);
      return renewSession(tx, account, hashToken(token));
    }),
  );
  await raiseAccountFloor(deps, tags);
  deps.log.info({ security: 'second-factor-changed', account: account.id }, 'security');
  return [sessionCookie(deps.settings, token)];
}

interface ShownProof {
  code?: string | undefined;
  password?: string | undefined;
  /** The answer that the page's script got from the browser. */
  passkey?: string | undefined;
}

/**
 * Proves again who the shopper is, by the second factor, or by the password where there is none.
 * @throws Refusal 401 `second-factor-needed`, 403 `wrong-code`, `wrong-password`, 429 `too-many-attempts`
 */
export async function verifySession(
  own: AccountDeps,
  account: SignedIn,
  { cookieHeader, idempotencyKey: key }: Asked,
  { code = '', password, passkey }: ShownProof,
): Promise<void> {
  const { deps } = own;
  const path = '/api/sessions/current/verification';
  const write = { scope: `account:${account.id}`, key, method: 'POST', path };
  if (!account.hasSecondFactor) await requirePassword(own, account, password ?? '');
  const verify = async (tx: Tx) => {
    const hasFactor = await hasSecondFactor(tx, account.id);
    const show = async () =>
      passkey ? (await takePasskey(deps, tx, passkey)) === account.id : takeCode(own, tx, account.id, code);
    if (hasFactor && !(await show())) throw wrongCode();
    // A second factor was set up or removed since this session was read.
    if (hasFactor !== account.hasSecondFactor)
      throw new Refusal(401, 'second-factor-needed', 'Please show your second factor');
    await markVerified(deps, tx, account.sessionId);
    return raiseAccountVersion(tx, account.id);
  };
  const body = { code: hashRecoveryCode(passkey ?? code), byPassword: !account.hasSecondFactor };
  const once = () => writeOnce(deps.db, { ...write, body }, verify);
  const tags = account.hasSecondFactor
    ? await guessCode(own, account, cookieHeader, () => once().catch(undefinedIfWrong))
    : await once();
  await raiseAccountFloor(deps, tags);
  deps.log.info({ security: 'verified', account: account.id }, 'security');
}

/** Checks the password of a signed-in shopper. @throws Refusal 403 `wrong-password`, 429 `too-many-attempts` */
export async function requirePassword(
  { deps, passwords, limits }: AccountDeps,
  account: SignedIn,
  currentPassword: string,
): Promise<void> {
  const right = await limits.tryPassword(account.id, () =>
    findByPassword(deps, passwords, account, { currentPassword }),
  );
  if (right === undefined) throw wrongPassword();
}

/** @throws Refusal 403 `wrong-code`, 429 `too-many-attempts` */
async function guessCode<Result>(
  { deps, limits }: AccountDeps,
  account: Pick<SignedIn, 'id' | 'email'>,
  cookieHeader: string | undefined,
  check: () => Promise<Result | undefined>,
): Promise<Result> {
  const device = readKnownDevice(deps.settings, cookieHeader, account.email);
  const found = await limits.tryCode(device ?? account.id, check);
  if (found === undefined) throw wrongCode();
  return found;
}

export function wrongCode(): Refusal {
  return new Refusal(403, 'wrong-code', 'That code is wrong, too old, or was used already');
}

/** Turns the refusal of a wrong code into undefined, so that only a wrong code counts as a failed attempt. */
export function undefinedIfWrong(error: unknown): undefined {
  if (error instanceof Refusal && error.code === 'wrong-code') return undefined;
  throw error;
}

/**
 * Uses up a code of the app or a recovery code. A code of the app must be newer than the last accepted one.
 * @returns whether it was right
 */
export async function takeCode(
  { deps }: Pick<AccountDeps, 'deps'>,
  tx: Tx,
  accountId: string,
  given: string,
): Promise<boolean> {
  const code = normaliseCode(given);
  if (!isTotpCode(code)) return useRecoveryCode(tx, accountId, code);
  const row = await tx
    .selectFrom('totp_secrets')
    .select(['secret', 'last_step'])
    .where('account_id', '=', accountId)
    .forUpdate()
    .executeTakeFirst();
  const secret = row && openSecret(deps.settings.cookieKeys, purpose, row.secret);
  if (row === undefined || secret === undefined) return false;
  const step = stepOfCode(secret, code, { nowMs: deps.now(), lastStep: Number(row.last_step) });
  if (step === undefined) return false;
  await tx.updateTable('totp_secrets').set({ last_step: step }).where('account_id', '=', accountId).execute();
  return true;
}

async function useRecoveryCode(tx: Tx, accountId: string, code: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('recovery_codes')
    .set({ used_at: sql`now()` })
    .where('account_id', '=', accountId)
    .where('code_hash', '=', hashRecoveryCode(code))
    .where('used_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
