// Kysely's types of the staff tables. Audit rows are only ever added.
import type { ColumnType, GeneratedAlways } from 'kysely';

export interface StaffTables {
  staff_changes: {
    id: GeneratedAlways<string>;
    account_id: string | null;
    /** Of a program; the transaction names it. */
    api_key_id: ColumnType<string | null, never, never>;
    /** Such as `product:42` or `variant:7`. */
    subject: string;
    before: ColumnType<unknown, string, never>;
    after: ColumnType<unknown, string, never>;
    invalidation_id: string | null;
    changed_at: ColumnType<Date, never, never>;
  };
}
