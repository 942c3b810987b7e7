// Passkeys (WebAuthn): registered by who is signed in, then signing in by themselves, or as the second factor. The
// authenticator asks for a finger or PIN each time, so a passkey is two factors.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { raiseAccountFloor } from '../identity/account-tag.ts';
import { hashToken, makeToken, sessionCookie } from '../identity/session.ts';
import { renewSession, type SignedIn } from '../identity/sessions.ts';
import { requireFreshProof } from '../identity/visitor.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import type { AccountDeps } from './account-deps.ts';
import { hashRecoveryCode, makeRecoveryCodes } from './totp.ts';

/** Loaded when the first passkey is met: most processes never need it. */
const library = () => import('@simplewebauthn/server');

const challengeMs = 600_000;
const mostPasskeys = 20;
export const mostPasskeyName = 60;

export interface Passkey {
  id: string;
  name: string;
  createdAt: Date;
  lastUsedAt: Date | null;
}

export function listPasskeys(db: DbOrTx, accountId: string): Promise<Passkey[]> {
  return db
    .selectFrom('passkeys')
    .select(['credential_id as id', 'name', 'created_at as createdAt', 'last_used_at as lastUsedAt'])
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .execute();
}

type Purpose = { register: string } | 'enter';

/**
 * Random bytes with the time and our signature, so that an unanswered challenge needs no storage. Postgres keeps the
 * answered ones until they expire, so that each counts once.
 */
function makeChallenge(
  { settings, now }: Pick<Deps, 'settings' | 'now'>,
  purpose: Purpose,
): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(22);
  randomBytes(16).copy(bytes);
  bytes.writeUIntBE(now() + challengeMs, 16, 6);
  return new Uint8Array(Buffer.concat([bytes, signChallenge(settings.cookieKeys[0]!, purpose, bytes)]));
}

function signChallenge(key: string, purpose: Purpose, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(`passkey challenge\n${JSON.stringify(purpose)}\n`)
    .update(bytes)
    .digest();
}

function isOurs(
  { settings, now }: Pick<Deps, 'settings' | 'now'>,
  purpose: Purpose,
  challenge: string,
): boolean {
  const bytes = Buffer.from(challenge, 'base64url');
  if (bytes.length !== 54 || bytes.readUIntBE(16, 6) < now()) return false;
  return settings.cookieKeys.some((key) =>
    timingSafeEqual(signChallenge(key, purpose, bytes.subarray(0, 22)), bytes.subarray(22)),
  );
}

/** @throws Refusal 403 `wrong-code` where it was answered before */
async function useChallenge(tx: Tx, challenge: string): Promise<void> {
  await sql`delete from used_challenges where used_at < now() - interval '1 hour'`.execute(tx);
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('used_challenges')
    .values({ challenge_hash: hashToken(challenge) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) throw wrongPasskey();
}

function siteOf({ siteUrl }: Pick<Deps['settings'], 'siteUrl'>) {
  const { origin, hostname } = new URL(siteUrl);
  return { expectedOrigin: origin, expectedRPID: hostname };
}

function wrongPasskey(cause?: unknown): Refusal {
  return new Refusal(
    403,
    'wrong-code',
    'This passkey is not known here, or its answer is too old: try once more',
    {
      cause,
    },
  );
}

/** What the page's script hands to the browser. */
export async function passkeyOptions(deps: Deps, account: SignedIn): Promise<object> {
  const { generateRegistrationOptions } = await library();
  const present = await listPasskeys(deps.db, account.id);
  return generateRegistrationOptions({
    rpName: 'MyClothes.com',
    rpID: siteOf(deps.settings).expectedRPID,
    userName: account.email,
    userDisplayName: account.name,
    // The same for all passkeys of the account, and nothing that tells who it is.
    userID: new Uint8Array(createHmac('sha256', 'passkey user').update(account.id).digest()),
    challenge: makeChallenge(deps, { register: account.id }),
    attestationType: 'none',
    excludeCredentials: present.map(({ id }) => ({ id })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
  });
}

/**
 * For signing in, and for proving again who one is. They name no passkey: the browser offers those it has. Written here
 * by hand, because the library would have to be loaded for every sign-in page.
 */
export async function entryOptions(deps: Pick<Deps, 'settings' | 'now'>): Promise<object> {
  return {
    rpId: siteOf(deps.settings).expectedRPID,
    challenge: Buffer.from(makeChallenge(deps, 'enter')).toString('base64url'),
    timeout: 60_000,
    userVerification: 'required',
  };
}

/**
 * Others are signed out, and this session gets a new token.
 * @returns recovery codes where the account had none, shown this once
 * @throws Refusal 401 as `requireFreshProof`, 403 `wrong-code`, 422 `invalid-body`
 */
export async function addPasskey(
  { deps }: Pick<AccountDeps, 'deps'>,
  account: SignedIn,
  { name, response }: { name: string; response: string },
): Promise<{ setCookies: string[]; recoveryCodes: string[] | undefined }> {
  requireFreshProof(account, deps.now());
  const { verifyRegistrationResponse } = await library();
  const answer = readAnswer<RegistrationResponseJSON>(response);
  let challenge = '';
  const expectedChallenge = (given: string) => {
    challenge = given;
    return isOurs(deps, { register: account.id }, given);
  };
  const { registrationInfo } = await verifyRegistrationResponse({
    response: answer,
    expectedChallenge,
    ...siteOf(deps.settings),
    requireUserVerification: true,
  }).catch((cause: unknown) => {
    throw wrongPasskey(cause);
  });
  if (registrationInfo === undefined) throw wrongPasskey();
  const { credential } = registrationInfo;
  const token = makeToken(deps.settings.cookieKeys, undefined);
  const made = await deps.db.transaction().execute(async (tx) => {
    await useChallenge(tx, challenge);
    await tx.selectFrom('accounts').select('id').where('id', '=', account.id).forUpdate().execute();
    if ((await listPasskeys(tx, account.id)).length >= mostPasskeys)
      throw new Refusal(422, 'invalid-body', `An account has at most ${mostPasskeys} passkeys`);
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('passkeys')
      .values({
        credential_id: credential.id,
        account_id: account.id,
        public_key: Buffer.from(credential.publicKey).toString('base64url'),
        counter: credential.counter,
        transports: (credential.transports ?? []).join(' ').slice(0, 100),
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
 * Inside the transaction of what the passkey opens.
 * @returns the account. @throws Refusal 403 `wrong-code`
 */
export async function takePasskey(deps: Deps, tx: Tx, response: string): Promise<string> {
  const { verifyAuthenticationResponse } = await library();
  const answer = readAnswer<AuthenticationResponseJSON>(response);
  const row = await tx
    .selectFrom('passkeys')
    .selectAll()
    .where('credential_id', '=', answer.id)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw wrongPasskey();
  let challenge = '';
  const expectedChallenge = (given: string) => {
    challenge = given;
    return isOurs(deps, 'enter', given);
  };
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: answer,
    expectedChallenge,
    ...siteOf(deps.settings),
    // A counter that does not grow is a copied authenticator: refused.
    credential: {
      id: row.credential_id,
      publicKey: new Uint8Array(Buffer.from(row.public_key, 'base64url')),
      counter: Number(row.counter),
    },
    requireUserVerification: true,
  }).catch((cause: unknown) => {
    throw wrongPasskey(cause);
  });
  if (!verified) throw wrongPasskey();
  await useChallenge(tx, challenge);
  await tx
    .updateTable('passkeys')
    .set({ counter: authenticationInfo.newCounter, last_used_at: new Date(deps.now()) })
    .where('credential_id', '=', row.credential_id)
    .execute();
  return row.account_id;
}

/** @returns whose it says to be, before anything is verified: for locking in order */
export async function findPasskeyOwner(db: Db, response: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('passkeys')
    .select('account_id')
    .where('credential_id', '=', readAnswer<AuthenticationResponseJSON>(response).id)
    .executeTakeFirst();
  return row?.account_id;
}

/** The rest of it is the library's to check. */
function readAnswer<Answer extends { id: string }>(text: string): Answer {
  try {
    const answer = JSON.parse(text) as Answer;
    if (typeof answer?.id === 'string' && answer.id.length <= 1_400 && !answer.id.includes('\0'))
      return answer;
  } catch {
    // Told below.
  }
  throw wrongPasskey();
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
 * @param isMeant of the last second factor: that it is the last one was read
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
 * After a factor was removed: with the last one its recovery codes go. Staff of a shop that requires one keep it.
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
