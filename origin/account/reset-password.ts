// Password reset by mail: asked for with the same answer for all e-mails, used once, within 30 minutes, ending all sessions.
import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import type { Mail } from '../mail/mail.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { DbOrTx } from '../postgres/database.ts';
import { hashPassword } from './passwords.ts';
import { announceChange, raiseAccountVersion } from './raise-version.ts';
import { hashToken } from './session-token.ts';
import { deleteSessions } from './sessions.ts';

const validMinutes = 30;
export const resetTemplate = 'password-reset';

/** Only writes down that it was asked: the worker finds out whether there is such an account, so neither answer nor time tells. */
export async function requestPasswordReset(deps: Deps, email: string, traceparent: string): Promise<void> {
  await deps.db
    .transaction()
    .execute((tx) =>
      addToOutbox(tx, 'mail', { to: email, template: resetTemplate, data: {} }, { traceparent }),
    );
  deps.hintWorker();
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
    .select(['id', 'name', 'email'])
    .where((where) => where(where.fn('lower', ['email']), '=', email.toLowerCase()))
    .executeTakeFirst();
  if (account === undefined) return undefined;
  await deps.db
    .insertInto('password_resets')
    .values({ token_hash: hashToken(token), account_id: account.id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const link = `${deps.settings.siteUrl}/reset-password?token=${token}`;
  return {
    to: account.email,
    subject: 'A new password for MyClothes.com',
    paragraphs: [
      `Hello ${account.name},`,
      `somebody asked for a new password for your account. If it was you, choose one within ${validMinutes} minutes:`,
      { link, text: 'Choose a new password' },
      'If it was not you, there is nothing to do: your password stays as it is.',
    ],
  };
}

/** @throws Refusal 404 `not-found` for a token that is unknown, used, or too old */
export async function resetPassword(deps: Deps, token: string, password: string): Promise<void> {
  const passwordHash = await hashPassword(password);
  const tags = await deps.db.transaction().execute(async (tx) => {
    const used = await tx
      .deleteFrom('password_resets')
      .where('token_hash', '=', hashToken(token))
      .returning([
        'account_id',
        sql<boolean>`created_at > now() - make_interval(mins => ${validMinutes})`.as('valid'),
      ])
      .executeTakeFirst();
    if (!used?.valid) throw new Refusal(404, 'not-found', 'This link was used already, or is too old');
    await tx
      .updateTable('accounts')
      .set({ password_hash: passwordHash })
      .where('id', '=', used.account_id)
      .execute();
    // Other links that were asked for are as good as used.
    await tx.deleteFrom('password_resets').where('account_id', '=', used.account_id).execute();
    await deleteSessions(tx, used.account_id);
    return raiseAccountVersion(tx, used.account_id);
  });
  await announceChange(deps, tags);
}

/** Sessions past their time and links past theirs; for the worker's clean-up. */
export async function pruneAccounts(db: DbOrTx): Promise<void> {
  await sql`delete from password_resets where created_at < now() - interval '1 day'`.execute(db);
  await sql`delete from sessions where last_seen_at < now() - interval '31 days' or created_at < now() - interval '181 days'`.execute(
    db,
  );
}
