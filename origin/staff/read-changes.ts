// Reads the audit of staff changes, newest first: who changed what, before, after, when.
import type { Db } from '../schema.ts';

export interface StaffChange {
  /** E-mail; null once the account is gone. */
  who: string | null;
  subject: string;
  before: unknown;
  after: unknown;
  changedAt: Date;
}

/** @param subjects such as `product:42`, `variant:7`; index: staff_changes_by_subject */
export function readChanges(db: Db, subjects: string[], limit = 10): Promise<StaffChange[]> {
  return db
    .selectFrom('staff_changes')
    .leftJoin('accounts', 'accounts.id', 'staff_changes.account_id')
    .select(['accounts.email as who', 'subject', 'before', 'after', 'changed_at as changedAt'])
    .where('subject', 'in', subjects)
    .orderBy('staff_changes.id', 'desc')
    .limit(limit)
    .execute();
}
