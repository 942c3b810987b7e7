// Changes an account's e-mail once the new address has confirmed it by a mailed token.
// The former address can stop it, or undo it for a week. Both tokens are derived from a random seed, and stored as
// hashes.
import { createHmac, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { raiseAccountFloor, raiseAccountVersion } from '../identity/account-tag.ts';
import { hashToken, makeToken, readTokenHash, sessionCookie } from '../identity/session.ts';
import { deleteSessions, renewSession, type SignedIn } from '../identity/sessions.ts';
import { type RequestOrigin, requireFreshProof } from '../identity/visitor.ts';
import type { Mail } from '../mail/mail.ts';
import { addToOutbox } from '../outbox/events.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import { normaliseEmail } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { readKnownDevice, rememberDevice } from './known-device.ts';
import { hidePassword, refuseGuessablePassword } from './passwords.ts';
import { requirePassword } from './second-factor.ts';

export const confirmationTemplate = 'email-confirmation';
export const noticeTemplate = 'email-change-notice';

const confirmHours = 24;
const undoDays = 7;
/** Index: email_confirmations_by_age. */
const keptDays = undoDays + 3;
/** The most mails that one new address gets in an hour, for all accounts together. */
const mostConfirmations = 3;

const confirmable = sql<boolean>`used_at is null and undone_at is null
  and created_at > now() - make_interval(hours => ${confirmHours})`;
const undoable = sql<boolean>`undone_at is null
  and coalesce(used_at, created_at) > now() - make_interval(days => ${undoDays})`;

interface Asked {
  key: string | undefined;
  traceparent: string;
}

/**
 * Stores the request and has both addresses mailed. The answer is the same whether or not the new address has an
 * account. Only the mail to it differs.
 * @throws Refusal 401 `second-factor-needed`, 403 `wrong-password`, 422 `invalid-body`, 429 `too-many-attempts`
 */
export async function requestEmailChange(
  own: AccountDeps,
  account: SignedIn,
  change: { email: string; password: string },
  { key, traceparent }: Asked,
): Promise<void> {
  const { deps, limits } = own;
  if (change.email === account.email) throw sameEmail();
  if (account.hasSecondFactor) requireFreshProof(account, deps.now());
  await requirePassword(own, account, change.password);
  await limits.countEmailChange(account.id);
  const body = hidePassword(deps.settings.cookieKeys, change);
  const write = {
    scope: `account:${account.id}`,
    key,
    method: 'POST',
    path: '/api/account/email-changes',
    body,
  };
  await writeOnce(deps.db, write, async (tx) => {
    await stopPendingChanges(tx, account.id);
    const seed = await insertEmailChange(tx, deps, { ...account, next: change.email });
    for (const [to, template] of [
      [change.email, confirmationTemplate],
      [account.email, noticeTemplate],
    ] as const)
      await addToOutbox(tx, 'mail', { to, template, data: { seed } }, { traceparent });
  });
  deps.wakeWorker();
  deps.log.info({ security: 'email-change-asked', account: account.id }, 'security');
}

/** @returns the seed of the tokens, for the mails */
export async function insertEmailChange(
  tx: DbOrTx,
  { settings }: Pick<Deps, 'settings'>,
  { id, email, next }: { id: string; email: string; next: string },
): Promise<string> {
  const seed = randomUUID();
  const [confirm, undo] = tokensOf(settings.cookieKeys[0]!, seed);
  await tx
    .insertInto('email_confirmations')
    .values({
      token_hash: hashToken(confirm),
      undo_hash: hashToken(undo),
      account_id: id,
      email: next,
      former_email: email,
      used_at: null,
      undone_at: null,
    })
    .execute();
  return seed;
}

function sameEmail(): Refusal {
  const message = 'is the e-mail of this account already';
  return new Refusal(422, 'invalid-body', `email: ${message}`, {
    details: { faults: [{ pointer: '#/email', field: 'email', message }] },
  });
}

/** The outbox row holds only the seed. Without the shop's key nobody can derive the tokens from it. */
function tokensOf(cookieKey: string, seed: string): [confirm: string, undo: string] {
  const token = (use: string) =>
    createHmac('sha256', cookieKey).update(`e-mail change\n${use}\n${seed}`).digest('base64url');
  return [token('confirm'), token('undo')];
}

async function stopPendingChanges(tx: Tx, accountId: string): Promise<void> {
  await tx
    .updateTable('email_confirmations')
    .set({ undone_at: sql`now()` })
    .where('account_id', '=', accountId)
    .where('used_at', 'is', null)
    .where('undone_at', 'is', null)
    .execute();
}

/** @returns the new address that waits to be confirmed */
export async function readPendingEmail(db: Db, accountId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('email_confirmations')
    .select('email')
    .where('account_id', '=', accountId)
    .where(confirmable)
    .executeTakeFirst();
  return row?.email;
}

export async function stopEmailChange(deps: Deps, account: SignedIn, key: string | undefined): Promise<void> {
  const path = '/api/account/email-changes/current';
  const write = { scope: `account:${account.id}`, key, method: 'DELETE', path, body: null };
  await writeOnce(deps.db, write, async (tx) => {
    await stopPendingChanges(tx, account.id);
    return {};
  });
}

/**
 * Composes both mails for their jobs. A repeated job sends the same links.
 * @returns undefined where the change was stopped, or where the address has had enough mails
 */
export async function prepareEmailChangeMail(
  deps: Deps,
  to: string,
  template: typeof confirmationTemplate | typeof noticeTemplate,
  seed: string,
): Promise<Mail | undefined> {
  const made = deps.settings.cookieKeys.map((cookieKey) => tokensOf(cookieKey, seed));
  const row = await deps.db
    .selectFrom('email_confirmations')
    .innerJoin('accounts', 'accounts.id', 'email_confirmations.account_id')
    .select(['token_hash', 'account_id', 'accounts.name', 'email_confirmations.email', 'email_confirmed_at'])
    .where(
      'token_hash',
      'in',
      made.map(([confirm]) => hashToken(confirm)),
    )
    .where('undone_at', 'is', null)
    .executeTakeFirst();
  const [confirm, undo] = made.find(([token]) => hashToken(token) === row?.token_hash) ?? [];
  if (row === undefined || confirm === undefined || undo === undefined) return undefined;
  const greeting = row.email_confirmed_at === null ? 'Hello,' : `Hello ${row.name},`;
  if (template === noticeTemplate) return noticeMail(deps, to, { greeting, undo, email: row.email });
  if (deps.settings.rateLimits && (await hasEnoughMails(deps.db, row.email))) return undefined;
  if (await isTaken(deps.db, row.email, row.account_id)) return takenMail(to);
  return confirmationMail(deps, to, confirm);
}

/** Nobody has shown yet that they read this address, so the mail must not tell the account's name. */
function confirmationMail({ settings }: Deps, to: string, token: string): Mail {
  return {
    to,
    subject: 'Confirm your new e-mail for MyClothes.com',
    paragraphs: [
      'Hello,',
      `somebody wants to use this address for an account at MyClothes.com. If it was you, confirm it within ${confirmHours} hours:`,
      { link: `${settings.siteUrl}/confirm-email#token=${token}`, text: 'Confirm this address' },
      `If the page asks for a code, it is ${token}`,
      'If it was not you, there is nothing to do: nothing changes without you.',
    ],
  };
}

function takenMail(to: string): Mail {
  return {
    to,
    subject: 'Your e-mail at MyClothes.com',
    paragraphs: [
      'Hello,',
      'somebody wants to use this address for an account at MyClothes.com, but you have an account with it already. Nothing was changed.',
      'If it was you: sign in with this address, or delete that account first. If it was not you, there is nothing to do.',
    ],
  };
}

function noticeMail(
  { settings }: Deps,
  to: string,
  { greeting, undo, email }: { greeting: string; undo: string; email: string },
): Mail {
  return {
    to,
    subject: 'The e-mail of your MyClothes.com account is to be changed',
    paragraphs: [
      greeting,
      `somebody who knows your password wants to change the e-mail of your account to ${maskEmail(email)}. If it was you, confirm it by the link that was sent there.`,
      `If it was not you, stop it. This works for ${undoDays} days, also after the change, and sets a new password:`,
      { link: `${settings.siteUrl}/keep-email#token=${undo}`, text: 'Keep this address' },
      `If the page asks for a code, it is ${undo}`,
    ],
  };
}

/** Shows enough for the owner to recognise their own address. */
function maskEmail(email: string): string {
  return `${email[0]}…${email.slice(email.lastIndexOf('@'))}`;
}

async function hasEnoughMails(db: Db, email: string): Promise<boolean> {
  const { asked } = await db
    .selectFrom('email_confirmations')
    .select((select) => select.fn.countAll<string>().as('asked'))
    .where(sql`lower(email)`, '=', normaliseEmail(email))
    .where('created_at', '>', sql<Date>`now() - interval '1 hour'`)
    .executeTakeFirstOrThrow();
  return Number(asked) > mostConfirmations;
}

/**
 * Tells whether another account has the address, or may still take it back. Without the second case a stranger could
 * take it first.
 */
async function isTaken(db: DbOrTx, email: string, accountId: string): Promise<boolean> {
  const other = await db
    .selectFrom('accounts')
    .select('id')
    .where((where) => where(where.fn('lower', ['email']), '=', normaliseEmail(email)))
    .where('id', '!=', accountId)
    .executeTakeFirst();
  return other !== undefined || (await isKeptEmail(db, email, accountId));
}

/** @returns whether an account left this address and may still take it back */
export async function isKeptEmail(db: DbOrTx, email: string, except = '0'): Promise<boolean> {
  const kept = await db
    .selectFrom('email_confirmations')
    .select('account_id')
    .where(sql`lower(former_email)`, '=', normaliseEmail(email))
    .where('account_id', '!=', except)
    .where('used_at', 'is not', null)
    .where(undoable)
    .executeTakeFirst();
  return kept !== undefined;
}

/**
 * Sets the new e-mail. All sessions end, except that the browser's own gets a new token if it belongs to the account.
 * A token works once; the same browser may repeat it and gets the same answer.
 * @param account the account signed in to this browser, which may be another one than the changed one
 * @returns cookies to set. @throws Refusal 404 `not-found`, 409 `email-taken`
 */
export async function confirmEmailChange(
  { deps }: AccountDeps,
  account: SignedIn | undefined,
  { cookieHeader }: Pick<RequestOrigin, 'cookieHeader'>,
  token: string,
): Promise<string[]> {
  const { settings, db } = deps;
  const tokenHash = hashToken(token);
  const former = readTokenHash(settings, cookieHeader);
  const renewed = makeToken(settings.cookieKeys, `e-mail change\n${former}\n${tokenHash}`);
  const confirm = async (tx: Tx) => {
    const row = await tx
      .selectFrom('email_confirmations')
      .selectAll()
      .where('token_hash', '=', tokenHash)
      .executeTakeFirst();
    if (row === undefined) throw noSuchToken();
    await lockAccount(tx, row.account_id);
    const used = await tx
      .updateTable('email_confirmations')
      .set({ used_at: sql`now()` })
      .where('token_hash', '=', tokenHash)
      .where(confirmable)
      .executeTakeFirst();
    if (used.numUpdatedRows === 0n) {
      const isRepeated = await hasSession(tx, row.account_id, hashToken(renewed));
      if (!isRepeated) throw noSuchToken();
      return { tags: {}, email: row.email, isOwn: true };
    }
    if (await isTaken(tx, row.email, row.account_id)) throw emailTaken();
    await setEmail(tx, row.account_id, row.email);
    const isOwn = account?.id === row.account_id;
    if (!isOwn) await deleteSessions(tx, row.account_id);
    const tags = isOwn
      ? await renewSession(tx, account, hashToken(renewed))
      : await raiseAccountVersion(tx, row.account_id);
    deps.log.info({ security: 'email-changed', account: row.account_id }, 'security');
    return { tags, email: row.email, isOwn };
  };
  const { tags, email, isOwn } = await retryOnConflict(() => db.transaction().execute(confirm));
  await raiseAccountFloor(deps, tags);
  return isOwn ? [sessionCookie(settings, renewed), rememberDevice(settings, cookieHeader, email)] : [];
}

async function hasSession(tx: Tx, accountId: string, tokenHash: string): Promise<boolean> {
  const found = await tx
    .selectFrom('sessions')
    .select('id')
    .where('account_id', '=', accountId)
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
  return found !== undefined;
}

/** All transactions lock the account before its sessions. */
async function lockAccount(tx: Tx, id: string): Promise<void> {
  await tx.selectFrom('accounts').select('id').where('id', '=', id).forUpdate().execute();
}

/**
 * Sets the e-mail as confirmed, because only its reader has the mailed token. It also invalidates open password
 * resets, which were sent to the other address.
 */
async function setEmail(tx: Tx, accountId: string, email: string): Promise<void> {
  await tx
    .updateTable('accounts')
    .set({ email, email_confirmed_at: sql`now()` })
    .where('id', '=', accountId)
    .execute();
  await tx
    .updateTable('password_resets')
    .set({ used_at: sql`now()` })
    .where('account_id', '=', accountId)
    .where('used_at', 'is', null)
    .execute();
}

/**
 * Stops or takes back the change for the former address. The person who asked for the change knew the password. A new
 * one is therefore set, all sessions end, and second factors added since are removed.
 * @returns cookies to set. @throws Refusal 404 `not-found`, 409 `email-taken`, 422 `invalid-body`
 */
export async function undoEmailChange(
  { deps, passwords, limits }: AccountDeps,
  { cookieHeader, idempotencyKey: key }: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  { token, password }: { token: string; password: string },
): Promise<string[]> {
  const { settings, db } = deps;
  const undoHash = hashToken(token);
  const owner = await db
    .selectFrom('email_confirmations')
    .innerJoin('accounts', 'accounts.id', 'email_confirmations.account_id')
    .select([
      'accounts.id',
      'accounts.name',
      'former_email as email',
      'email_confirmations.created_at as since',
    ])
    .where('undo_hash', '=', undoHash)
    .executeTakeFirst();
  if (owner?.email == null) throw noSuchToken();
  const former = { id: owner.id, name: owner.name, email: owner.email };
  await refuseGuessablePassword(password, former, 'password');
  const passwordHash = await passwords.hash(password, 'reset');
  const body = hidePassword(settings.cookieKeys, { password });
  const path = `/api/email-confirmations/${undoHash}/undo`;
  const write = { scope: `undo:${undoHash}`, key, method: 'POST', path, body };
  const tags = await writeOnce(db, write, async (tx) => {
    await lockAccount(tx, former.id);
    const undone = await tx
      .updateTable('email_confirmations')
      .set({ undone_at: sql`now()` })
      .where('undo_hash', '=', undoHash)
      .where(undoable)
      .returning('used_at')
      .executeTakeFirst();
    if (undone === undefined) throw noSuchToken();
    if (await isTaken(tx, former.email, former.id)) throw emailTaken();
    // Later changes are undone too. Otherwise their links could take the account back.
    await tx
      .updateTable('email_confirmations')
      .set({ undone_at: sql`now()` })
      .where('account_id', '=', former.id)
      .where('undone_at', 'is', null)
      .execute();
    await setEmail(tx, former.id, former.email);
    await tx
      .updateTable('accounts')
      .set({ password_hash: passwordHash })
      .where('id', '=', former.id)
      .execute();
    await removeFactorsSince(tx, former.id, owner.since);
    await deleteSessions(tx, former.id);
    return raiseAccountVersion(tx, former.id);
  });
  await raiseAccountFloor(deps, tags);
  deps.log.warn({ security: 'email-change-undone', account: former.id }, 'security');
  const device = readKnownDevice(settings, cookieHeader, former.email);
  await limits.forgive({ ...former, device });
  return [rememberDevice(settings, cookieHeader, former.email)];
}

async function removeFactorsSince(tx: Tx, accountId: string, since: Date): Promise<void> {
  const removed = await tx
    .deleteFrom('totp_secrets')
    .where('account_id', '=', accountId)
    .where((where) => where.or([where('confirmed_at', '>=', since), where('confirmed_at', 'is', null)]))
    .executeTakeFirst();
  if (removed.numDeletedRows > 0n)
    await tx.deleteFrom('recovery_codes').where('account_id', '=', accountId).execute();
  await tx
    .deleteFrom('passkeys')
    .where('account_id', '=', accountId)
    .where('created_at', '>=', since)
    .execute();
}

function noSuchToken(): Refusal {
  return new Refusal(404, 'not-found', 'This link was used already, or is too old');
}

function emailTaken(): Refusal {
  return new Refusal(409, 'email-taken', 'There is an account with this e-mail already');
}

/**
 * Deletes old rows for the worker's clean-up. Changes of staff stay, so that `STAFF_EMAIL` makes no second account at
 * start-up for a member whose address has changed.
 */
export async function pruneEmailChanges(db: DbOrTx): Promise<void> {
  await sql`
    delete from email_confirmations where token_hash = any(array(
      select token_hash from email_confirmations c
      where created_at < now() - make_interval(days => ${keptDays})
        and not (used_at is not null and undone_at is null
          and exists (select from accounts a where a.id = c.account_id and a.role = 'staff'))
      order by created_at limit 5000))`.execute(db);
}
