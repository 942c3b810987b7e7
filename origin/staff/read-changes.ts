// The audit, newest first: who changed what, from what, to what, when.
import type { Db } from '../postgres/database.ts';

export interface StaffChange {
  accountId: string | null;
  subject: string;
  before: unknown;
  after: unknown;
  changedAt: Date;
}

/** @param subjects such as `product:42`, `variant:7`; index: staff_changes_by_subject */
export function readChanges(db: Db, subjects: string[], limit = 10): Promise<StaffChange[]> {
  return db
    .selectFrom('staff_changes')
    .select(['account_id as accountId', 'subject', 'before', 'after', 'changed_at as changedAt'])
    .where('subject', 'in', subjects)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}
