// Rows of work to do after a commit, and of writes already answered.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

export interface OutboxTables {
  outbox: {
    id: GeneratedAlways<string>;
    kind: string;
    payload: ColumnType<unknown, string, string>;
    state: Generated<'pending' | 'done' | 'dead'>;
    /** Claims so far; who holds an older one works it no more. */
    attempt: Generated<number>;
    failures: Generated<number>;
    traceparent: string | null;
    committed_at: ColumnType<Date, Date | undefined, Date>;
    due_at: ColumnType<Date, Date | undefined, Date>;
    claimed_until: ColumnType<Date, Date | undefined, Date>;
    /** Of the claim that holds or held it; null once the claim was given back. */
    claimed_at: ColumnType<Date | null, undefined, Date | null>;
    /** Of a mail that is deferred: its three days begin here. */
    first_failed_at: ColumnType<Date | null, undefined, Date | null>;
    done_at: Date | null;
    failure: string | null;
  };
  idempotency_keys: {
    scope: string;
    key: string;
    fingerprint: string;
    result: ColumnType<unknown, string | null, string | null>;
    created_at: ColumnType<Date, Date | undefined, Date>;
  };
  edge_purger: {
    only_row: Generated<boolean>;
    holder: string;
    held_until: ColumnType<Date, Date, Date>;
  };
  edge_debts: {
    edge_url: string;
    tag: string;
    version: number;
  };
}
