// The account as the API returns it, the schemas of what shoppers enter, and how staff find accounts.
import { z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import { type StaffRole, staffRoles } from '../identity/staff-roles.ts';
import type { Db } from '../schema.ts';
import { growingEnum, idPattern } from '../web/api/api.ts';
import { EmailField, plainText } from '../web/api/plain-text.ts';

const exampleAccount = {
  id: '42',
  email: 'ada@example.com',
  name: 'Ada Byron',
  role: 'shopper',
  createdAt: '2026-11-30T09:30:00.000Z',
};

export const AccountSchema = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    role: growingEnum(['shopper', 'staff']),
    staffRole: growingEnum([...staffRoles])
      .optional()
      .openapi({ description: 'What a member of the staff may do' }),
    createdAt: z.iso.datetime(),
  })
  .openapi('Account', { example: exampleAccount });

export type Account = z.infer<typeof AccountSchema>;

export const NameField = plainText(100);
/** Length makes a password good (ASVS 2.1). At most 200 characters bound the work of hashing. */
export const PasswordField = z
  .string()
  .min(8, { error: 'must have at least 8 characters' })
  .max(200, { error: 'must have at most 200 characters' })
  .refine((text) => text.isWellFormed(), { error: 'must be text' });

export const SignUpSchema = z
  .strictObject({ email: EmailField, password: PasswordField, name: NameField })
  .openapi('SignUp', {
    example: { email: 'ada@example.com', password: 'correct horse battery', name: 'Ada Byron' },
  });

/** Applies no rules for new passwords: an old or mistyped one is simply wrong. */
export const SignInSchema = z
  .strictObject({
    email: z.string().max(254),
    password: z.string().max(200),
    code: z
      .string()
      .max(40)
      .optional()
      .openapi({ description: 'Of an account with a second factor: from the app, or a recovery code' }),
  })
  .openapi('SignIn', { example: { email: 'ada@example.com', password: 'correct horse battery' } });

/**
 * Normalises an e-mail for looking up its account and for counting attempts, so that both agree. Characters that
 * Postgres cannot store are removed, because no e-mail has them.
 */
export function normaliseEmail(text: string): string {
  return text.replaceAll('\0', '').toWellFormed().trim().toLowerCase();
}

interface AccountRow {
  id: string;
  email: string;
  name: string;
  role: 'shopper' | 'staff';
  staff_role: StaffRole | null;
  created_at: Date;
}

export const accountColumns = ['id', 'email', 'name', 'role', 'staff_role', 'created_at'] as const;

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    ...(row.role === 'staff' ? { staffRole: row.staff_role ?? 'owner' } : {}),
    createdAt: row.created_at.toISOString(),
  };
}

/** An account as staff find it by the beginning of its e-mail. */
interface FoundAccount {
  id: string;
  email: string;
  name: string;
  created_at: Date;
}

/**
 * Lists accounts in the order of their e-mails in lower case. Index: accounts_by_email_prefix
 * @param after the list begins behind this e-mail, in lower case
 */
export async function findAccounts(
  db: Db,
  { prefix, after, limit }: { prefix: string; after: string; limit: number },
): Promise<FoundAccount[]> {
  const email = sql`lower(email) collate "C"`;
  const { rows } = await sql<FoundAccount>`
    select id, email, name, created_at from accounts
    where ${email} > ${after} and ${email} >= ${prefix} and ${email} < ${`${prefix}\uffff`}
    order by ${email} limit ${limit}`.execute(db);
  return rows;
}

export async function findAccount(db: Db, id: string): Promise<FoundAccount | undefined> {
  if (!idPattern.test(id)) return undefined;
  return db
    .selectFrom('accounts')
    .select(['id', 'email', 'name', 'created_at'])
    .where('id', '=', id)
    .executeTakeFirst();
}
