// The members of staff: lists them, and gives and takes roles. The last owner cannot leave.
import { z } from '@hono/zod-openapi';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import { raiseAccountFloor, raiseAccountVersion } from '../identity/account-tag.ts';
import type { SignInTrace } from '../identity/session.ts';
import type { SignedIn } from '../identity/sessions.ts';
import { type StaffRole, staffRoles } from '../identity/staff-roles.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import type { Db, Tx } from '../schema.ts';
import { growingEnum, idPattern } from '../web/api/api.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import { normaliseEmail } from './account.ts';

export const MemberSchema = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    role: growingEnum([...staffRoles]),
    secondFactor: z.boolean().openapi({ description: 'Signs in with a second factor' }),
    lastSignIn: z.object({ at: z.iso.datetime(), device: z.string(), address: z.string() }).optional(),
  })
  .openapi('Member', {
    example: { id: '42', email: 'ada@example.com', name: 'Ada Byron', role: 'editor', secondFactor: true },
  });
export type Member = z.infer<typeof MemberSchema>;

/** Lists members in the order of their accounts. The list is not paged, because a shop has few of them. */
export async function listMembers(db: Db): Promise<Member[]> {
  const rows = await db
    .selectFrom('accounts')
    .select(['id', 'email', 'name', 'staff_role', 'last_sign_in'])
    .select(({ exists, selectFrom, or }) =>
      or([
        exists(
          selectFrom('totp_secrets')
            .select('account_id')
            .whereRef('account_id', '=', 'accounts.id')
            .where('confirmed_at', 'is not', null),
        ),
        exists(selectFrom('passkeys').select('account_id').whereRef('account_id', '=', 'accounts.id')),
      ]).as('second_factor'),
    )
    .where('role', '=', 'staff')
    .orderBy('id')
    .limit(1_000)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.staff_role ?? 'owner',
    secondFactor: Boolean(row.second_factor),
    ...(row.last_sign_in === null ? {} : { lastSignIn: row.last_sign_in satisfies SignInTrace }),
  }));
}

/** Names a member by id, or any account by its e-mail. */
export type MemberName = { id: string } | { email: string };

export interface RoleChange {
  by: SignedIn;
  who: MemberName;
  /** Undefined where the member leaves the staff. */
  role: StaffRole | undefined;
  method: string;
  path: string;
  key: string | undefined;
}

/**
 * Changes a role from the member's next request on. A shopper who becomes staff has to sign in again.
 * @returns undefined where the member left. @throws Refusal 404 `not-found`, 409 `last-owner`
 */
export async function changeRole(deps: Deps, change: RoleChange): Promise<Member | undefined> {
  const { by, who, role, method, path, key } = change;
  const write = { scope: `account:${by.id}`, key, method, path, body: { ...who, role: role ?? null } };
  const give = async (tx: Tx) => {
    const present = await lockAccount(tx, who);
    const before = present.role === 'staff' ? (present.staff_role ?? 'owner') : null;
    if (before === null && (role === undefined || 'id' in who)) throw notFound('This member of the staff');
    if (before === 'owner' && role !== 'owner') await refuseWithoutOwner(tx, present.id);
    await tx
      .updateTable('accounts')
      .set({ role: role === undefined ? 'shopper' : 'staff', staff_role: role ?? null })
      .where('id', '=', present.id)
      .execute();
    // Shoppers' sessions last longer than those of staff, and may have begun without a second factor.
    if (before === null || role === undefined)
      await tx.deleteFrom('sessions').where('account_id', '=', present.id).execute();
    await tx
      .insertInto('staff_changes')
      .values({
        account_id: by.id,
        subject: `account:${present.id}`,
        before: JSON.stringify({ role: before }),
        after: JSON.stringify({ role: role ?? null }),
      })
      .execute();
    return { tags: await raiseAccountVersion(tx, present.id), id: present.id };
  };
  const { tags, id } = await retryOnConflict(() => writeOnce(deps.db, write, give));
  deps.log.warn({ security: 'role-changed', account: id, by: by.id, role: role ?? null }, 'security');
  await raiseAccountFloor(deps, tags);
  return (await listMembers(deps.db)).find((member) => member.id === id);
}

/**
 * Ends the member's sessions on all devices at once. The password stays. For a stolen one there are `ops access
 * reset-staff` and a password reset.
 * @throws Refusal 404 `not-found`
 */
export async function endMemberSessions(
  deps: Deps,
  { by, who, method, path, key }: Omit<RoleChange, 'role' | 'who'> & { who: { id: string } },
): Promise<void> {
  const write = { scope: `account:${by.id}`, key, method, path, body: { ...who, sessions: 'end' } };
  const end = async (tx: Tx) => {
    const { id, role } = await lockAccount(tx, who);
    if (role !== 'staff') throw notFound('This member of the staff');
    const { numDeletedRows } = await tx
      .deleteFrom('sessions')
      .where('account_id', '=', id)
      .executeTakeFirst();
    await tx
      .insertInto('staff_changes')
      .values({
        account_id: by.id,
        subject: `account:${id}`,
        before: JSON.stringify({ sessions: Number(numDeletedRows) }),
        after: JSON.stringify({ sessions: 0 }),
      })
      .execute();
    return raiseAccountVersion(tx, id);
  };
  const tags = await retryOnConflict(() => writeOnce(deps.db, write, end));
  deps.log.warn({ security: 'sessions-ended', account: who.id, by: by.id }, 'security');
  await raiseAccountFloor(deps, tags);
}

async function lockAccount(tx: Tx, who: MemberName) {
  if ('id' in who && !idPattern.test(who.id)) throw notFound('This member of the staff');
  const found = await tx
    .selectFrom('accounts')
    .select(['id', 'role', 'staff_role'])
    .where((where) =>
      'id' in who
        ? where('id', '=', who.id)
        : where(where.fn('lower', ['email']), '=', normaliseEmail(who.email)),
    )
    .forUpdate()
    .executeTakeFirst();
  if (found === undefined)
    throw notFound('id' in who ? 'This member of the staff' : 'An account with this e-mail');
  return found;
}

/**
 * Locks all owners in order of id, so that two who leave at the same time do not both count the other as remaining.
 * @throws Refusal 409 `last-owner` where only this account is an owner
 */
export async function refuseWithoutOwner(tx: Tx, leavingId: string): Promise<void> {
  const ownersNow = await tx
    .selectFrom('accounts')
    .select('id')
    .where('role', '=', 'staff')
    .where((where) => where.or([where('staff_role', '=', 'owner'), where('staff_role', 'is', null)]))
    .orderBy('id')
    .forUpdate()
    .execute();
  if (ownersNow.length === 1 && ownersNow[0]!.id === leavingId)
    throw new Refusal(409, 'last-owner', 'The shop needs an owner: make somebody else one first');
}
