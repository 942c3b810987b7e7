// Resets a password by a mailed link: the same answer for every e-mail, valid once and for 30 minutes. It ends all
// sessions.
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
 * Only stores the request. The worker looks the account up, so that neither answer nor timing reveals whether it
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
 * Part of the mail job. The token follows from the job's id, so that a repeated job sends the same link.
 * @returns undefined where no account has the e-mail
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
    // The mail server was away: the half hour begins with the mail that arrives.
    .onConflict((conflict) =>
      conflict
        .column('token_hash')
        .doUpdateSet({ created_at: sql`now()` })
        .where('password_resets.used_at', 'is', null),
    )
    .execute();
  // Behind the `#`, which no browser sends: the token stands in no log of a server or proxy.
  const link = `${deps.settings.siteUrl}/reset-password#token=${token}`;
  return {
    to: account.email,
    subject: 'A new password for MyClothes.com',
    paragraphs: [
      // Anybody can sign up with this address: until it is confirmed, the name may be a stranger's message.
      account.email_confirmed_at === null ? 'Hello,' : `Hello ${account.name},`,
      `somebody asked for a new password for your account. If it was you, choose one within ${validMinutes} minutes:`,
      { link, text: 'Choose a new password' },
      `If the page asks for a code, it is ${token}`,
      'If it was not you, there is nothing to do: your password stays as it is.',
    ],
  };
}

/** Whoever asks more often fills a mailbox and nothing else: the links that are in it are as good as another one. */
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
 * Forgives failed sign-ins, and makes the browser a known device: who guesses on does not keep the owner out.
 * @returns cookies to set. @throws Refusal 404 `not-found` for a token that is unknown, used, or too old
 */
export async function resetPassword(
  { deps, carts, passwords, limits }: AccountDeps,
  request: CartRequest,
  { token, password }: { token: string; password: string },
  key: string | undefined,
): Promise<string[]> {
  const tokenHash = hashToken(token);
  // Hashing is dear and waits its turn with everybody's sign-ins: not for a token that nobody was sent.
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
      // Whoever has the mail's link reads what is sent to the address.
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

/** Used ones too: the same request again is answered as before. @throws Refusal 404 */
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

/** A used row stays until it is pruned: the mail's job, should it run again, must not make its link good once more. */
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
  // Other links that were asked for are as good as used.
  await tx
    .updateTable('password_resets')
    .set({ used_at: sql`now()` })
    .where('account_id', '=', used.account_id)
    .where('used_at', 'is', null)
    .execute();
  return used.account_id;
}

/** So many of each a call, so that no statement takes long. */
const mostPruned = 20_000;

/**
 * Sessions past their time and links past theirs; for the worker's clean-up.
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
