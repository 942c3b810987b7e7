// Kysely's types of the staff tables. Audit rows are only ever added: the database refuses everything else.
import type { ColumnType, GeneratedAlways } from 'kysely';

export interface StaffTables {
  staff_changes: {
    id: GeneratedAlways<string>;
    account_id: string | null;
    /** Of a program; the transaction names it. */
    api_key_id: ColumnType<string | null, never, never>;
    /** E-mail or key of who acted, filled by the database; it stays after the account is gone. */
    who: ColumnType<string | null, never, never>;
    /** Such as `product:42` or `variant:7`. */
    subject: string;
    before: ColumnType<unknown, string, never>;
    after: ColumnType<unknown, string, never>;
    invalidation_id: string | null;
    changed_at: ColumnType<Date, never, never>;
  };
}
