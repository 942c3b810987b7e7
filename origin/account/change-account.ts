// What a shopper changes of their own account: name, password, and whether it exists.
import { randomUUID } from 'node:crypto';
import { deleteAccountCart } from '../cart/for-account.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { forgetBuyer } from '../order/orders-of-account.ts';
import type { TagVersions } from '../outbox/events.ts';
import type { Tx } from '../postgres/database.ts';
import { writeOnce } from '../web/idempotency.ts';
import { type Account, accountColumns, toAccount } from './account.ts';
import { hidePassword } from './hide-password.ts';
import { hashPassword, isPassword } from './passwords.ts';
import { announceChange, raiseAccountVersion } from './raise-version.ts';
import { deleteSessions, type SignedIn } from './sessions.ts';

export async function readAccount({ db }: Pick<Deps, 'db'>, account: SignedIn): Promise<Account> {
  const row = await db
    .selectFrom('accounts')
    .select(accountColumns)
    .where('id', '=', account.id)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal(401, 'sign-in-needed', 'This account was deleted');
  return toAccount(row);
}

export async function updateAccount(
  deps: Deps,
  account: SignedIn,
  patch: { name?: string | undefined },
  idempotencyKey?: string,
): Promise<Account> {
  await change(
    deps,
    account,
    { method: 'PATCH', path: '/api/account', body: patch, idempotencyKey },
    async (tx) => {
      if (patch.name === undefined) return {};
      await tx.updateTable('accounts').set({ name: patch.name }).where('id', '=', account.id).execute();
      return raiseAccountVersion(tx, account.id);
    },
  );
  return readAccount(deps, account);
}

/** Ends the account's other sessions. @throws Refusal 403 `wrong-password` */
export async function changePassword(
  deps: Deps,
  account: SignedIn,
  passwords: { currentPassword: string; newPassword: string },
  idempotencyKey?: string,
): Promise<void> {
  const newHash = await hashPassword(passwords.newPassword);
  const body = hidePassword(deps.settings.cookieKeys, passwords);
  await change(
    deps,
    account,
    { method: 'PUT', path: '/api/account/password', body, idempotencyKey },
    async (tx) => {
      const row = await tx
        .selectFrom('accounts')
        .select('password_hash')
        .where('id', '=', account.id)
        .forUpdate()
        .executeTakeFirst();
      if (!(await isPassword(row?.password_hash, passwords.currentPassword))) {
        throw new Refusal(403, 'wrong-password', 'The present password is another one');
      }
      await tx.updateTable('accounts').set({ password_hash: newHash }).where('id', '=', account.id).execute();
      await deleteSessions(tx, account.id, account.sessionId);
      return raiseAccountVersion(tx, account.id);
    },
  );
}

/** Orders stay, without the person; everything else of the account goes. */
export async function deleteAccount(deps: Deps, account: SignedIn): Promise<void> {
  const tags = await deps.db.transaction().execute(async (tx) => {
    // Carts are locked before everything else, as everywhere.
    await deleteAccountCart(tx, account.id);
    await forgetBuyer(tx, account.id);
    await tx.deleteFrom('idempotency_keys').where('scope', '=', `account:${account.id}`).execute();
    await tx.deleteFrom('accounts').where('id', '=', account.id).execute();
    return raiseAccountVersion(tx, account.id);
  });
  await announceChange(deps, tags);
}

async function change(
  deps: Deps,
  account: SignedIn,
  request: { method: string; path: string; body: unknown; idempotencyKey: string | undefined },
  effect: (tx: Tx) => Promise<TagVersions>,
): Promise<void> {
  const { idempotencyKey, ...rest } = request;
  const write = { scope: `account:${account.id}`, key: idempotencyKey ?? randomUUID(), ...rest };
  const tags = await writeOnce(deps.db, write, effect);
  await announceChange(deps, tags);
}
