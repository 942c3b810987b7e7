// Resets a password by a mailed link, which works once, for 30 minutes, and ends all sessions.
// Every e-mail gets the same answer.
import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import type { CartRequest } from '../cart/carts.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { raiseAccountFloor, raiseAccountVersion } from '../identity/account-tag.ts';
import { hashToken } from '../identity/session.ts';
import { deleteSessions } from '../identity/sessions.ts';
import type { Mail } from '../mail/mail.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import type { AccountDeps } from './account-deps.ts';
import { readKnownDevice, rememberDevice } from './known-device.ts';
import { hidePassword, refuseGuessablePassword } from './passwords.ts';

const validMinutes = 30;
export const resetTemplate = 'password-reset';

/**
 * Stores only the request. The worker looks up the account, so that neither answer nor timing tells whether it
 * exists.
 */
export async function requestPasswordReset(
  { deps, carts }: AccountDeps,
  request: CartRequest,
  email: string,
  { key, traceparent }: { key: string | undefined; traceparent: string },
): Promise<void> {
  const scope = carts.scope(request);
  const write = { scope, key, method: 'POST', path: '/api/password-resets', body: { email } };
  await writeOnce(deps.db, write, async (tx) => {
    await addToOutbox(tx, 'mail', { to: email, template: resetTemplate, data: {} }, { traceparent });
  });
  deps.wakeWorker();
}

/**
 * Composes the mail for its job. The token is derived from the job's id, so that a repeated job sends the same link.
 * @returns undefined where no account has the e-mail, or where it has had enough links
 */
export async function prepareResetMail(deps: Deps, email: string, jobId: string): Promise<Mail | undefined> {
  const token = createHmac('sha256', deps.settings.cookieKeys[0]!)
    .update(`password reset\n${jobId}`)
    .digest('base64url');
  const account = await deps.db
    .selectFrom('accounts')
    .select(['id', 'name', 'email', 'email_confirmed_at'])
    .where((where) => where(where.fn('lower', ['email']), '=', email.toLowerCase()))
    .executeTakeFirst();
  if (account === undefined) return undefined;
  const { rateLimits } = deps.settings;
  if (rateLimits && (await hasEnoughLinks(deps.db, account.id, hashToken(token)))) return undefined;
  await deps.db
    .insertInto('password_resets')
    .values({ token_hash: hashToken(token), account_id: account.id })
    // The job may be repeated after the mail server was away. The half hour then begins anew.
    .onConflict((conflict) =>
      conflict
        .column('token_hash')
        .doUpdateSet({ created_at: sql`now()` })
        .where('password_resets.used_at', 'is', null),
    )
    .execute();
  // Browsers do not send the fragment, so the token is in no log of a server or proxy.
  const link = `${deps.settings.siteUrl}/reset-password#token=${token}`;
  return {
    to: account.email,
    subject: 'A new password for MyClothes.com',
    paragraphs: [
      // Anyone can sign up with this address. Until it is confirmed, the name may be a stranger's message.
      account.email_confirmed_at === null ? 'Hello,' : `Hello ${account.name},`,
      `somebody asked for a new password for your account. If it was you, choose one within ${validMinutes} minutes:`,
      { link, text: 'Choose a new password' },
      `If the page asks for a code, it is ${token}`,
      'If it was not you, there is nothing to do: your password stays as it is.',
    ],
  };
}

/** At most so many unexpired links. More would only fill the mailbox, because each of them works. */
const mostLinks = 5;

async function hasEnoughLinks(db: Db, accountId: string, tokenHash: string): Promise<boolean> {
  const { links } = await db
    .selectFrom('password_resets')
    .select((select) => select.fn.countAll<string>().as('links'))
    .where('account_id', '=', accountId)
    .where('token_hash', '!=', tokenHash)
    .where('created_at', '>', sql<Date>`now() - make_interval(mins => ${validMinutes})`)
    .executeTakeFirstOrThrow();
  return Number(links) >= mostLinks;
}

/**
 * Sets the password. It forgets failed sign-ins and makes the browser a known device, so that a guesser cannot keep
 * the owner out.
 * @returns cookies to set. @throws Refusal 404 `not-found` for a token that is unknown, used, or too old
 */
export async function resetPassword(
  { deps, carts, passwords, limits }: AccountDeps,
  request: CartRequest,
  { token, password }: { token: string; password: string },
  key: string | undefined,
): Promise<string[]> {
  const tokenHash = hashToken(token);
  // Hashing is expensive and queues behind sign-ins, so unknown tokens are refused first.
  const owner = await requireToken(deps, tokenHash);
  await refuseGuessablePassword(password, owner, 'password');
  const passwordHash = await passwords.hash(password, 'reset');
  const body = hidePassword(deps.settings.cookieKeys, { password });
  const path = `/api/password-resets/${tokenHash}`;
  const write = { scope: carts.scope(request), key, method: 'PUT', path, body };
  const tags = await writeOnce(deps.db, write, async (tx) => {
    const accountId = await useToken(tx, tokenHash);
    await tx
      .updateTable('accounts')
      // Only a reader of the address has the mailed link, so the address counts as confirmed.
      .set({ password_hash: passwordHash, email_confirmed_at: sql`coalesce(email_confirmed_at, now())` })
      .where('id', '=', accountId)
      .execute();
    await deleteSessions(tx, accountId);
    return raiseAccountVersion(tx, accountId);
  });
  await raiseAccountFloor(deps, tags);
  deps.log.info({ security: 'password-reset', account: owner.id }, 'security');
  const device = readKnownDevice(deps.settings, request.cookieHeader, owner.email);
  await limits.forgive({ ...owner, device });
  return [rememberDevice(deps.settings, request.cookieHeader, owner.email)];
}

/** Accepts used tokens too, because a repeated request gets the same answer as the first. @throws Refusal 404 */
async function requireToken({ db }: Pick<Deps, 'db'>, tokenHash: string) {
  const owner = await db
    .selectFrom('password_resets')
    .innerJoin('accounts', 'accounts.id', 'password_resets.account_id')
    .select(['accounts.id', 'accounts.email', 'accounts.name'])
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
  if (owner === undefined) throw noSuchToken();
  return owner;
}

function noSuchToken(): Refusal {
  return new Refusal(404, 'not-found', 'This link was used already, or is too old');
}

/**
 * Uses up the token. The row stays until it is pruned, because a repeated mail job must not make its link valid
 * again.
 */
async function useToken(tx: Tx, tokenHash: string): Promise<string> {
  const used = await tx
    .updateTable('password_resets')
    .set({ used_at: sql`now()` })
    .where('token_hash', '=', tokenHash)
    .where('used_at', 'is', null)
    .where('created_at', '>', sql<Date>`now() - make_interval(mins => ${validMinutes})`)
    .returning('account_id')
    .executeTakeFirst();
  if (used === undefined) throw noSuchToken();
  // The account's other links are used up too.
  await tx
    .updateTable('password_resets')
    .set({ used_at: sql`now()` })
    .where('account_id', '=', used.account_id)
    .where('used_at', 'is', null)
    .execute();
  return used.account_id;
}

/** The most rows that one call deletes of each kind, so that no statement takes long. */
const mostPruned = 20_000;

/**
 * Deletes expired sessions and reset links for the worker's clean-up.
 * Indexes: password_resets_by_age, sessions_by_last_seen, sessions_by_creation.
 */
export async function pruneAccounts(db: DbOrTx): Promise<void> {
  await sql`
    delete from password_resets where token_hash = any(array(
      select token_hash from password_resets where created_at < now() - interval '1 day'
      order by created_at limit ${mostPruned}))`.execute(db);
  for (const [column, days] of [
    ['last_seen_at', 31],
    ['created_at', 181],
  ] as const) {
    await sql`
      delete from sessions where id = any(array(
        select id from sessions where ${sql.ref(column)} < now() - make_interval(days => ${days})
        order by ${sql.ref(column)} limit ${mostPruned}))`.execute(db);
  }
}
