// Finds accounts for staff, by how their e-mail begins.
import { sql } from 'kysely';
import type { Db } from '../schema.ts';
import { idPattern } from '../web/api/api.ts';

export interface FoundAccount {
  id: string;
  email: string;
  name: string;
  created_at: Date;
}

/**
 * In the order of their e-mails in small letters. Index: accounts_by_email_prefix
 * @param after the e-mail, in small letters, behind which the list goes on
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
