// The schema of the shop's database: each domain's tables, composed here so that `postgres/` knows no domain, and the
// two tables that need no file of their own.
import type { ColumnType, GeneratedAlways, Kysely, Transaction } from 'kysely';
import type { AccountTables } from './account/tables.ts';
import type { CartTables } from './cart/tables.ts';
import type { CatalogTables } from './catalog/tables.ts';
import type { CheckoutTables } from './checkout/tables.ts';
import type { IntegrationTables } from './integration/tables.ts';
import type { OrderTables } from './order/tables.ts';
import type { OutboxTables } from './outbox/tables.ts';

export interface Database
  extends CatalogTables,
    CartTables,
    AccountTables,
    CheckoutTables,
    OrderTables,
    IntegrationTables,
    StaffTables,
    OutboxTables,
    WebTables {}

export type Db = Kysely<Database>;
/** What a query function takes first: the pool, or the transaction that it must be part of. */
export type DbOrTx = Db | Transaction<Database>;
export type Tx = Transaction<Database>;

/** Only origin/web queries it. */
export interface WebTables {
  kept_assets: {
    /** Such as `shop.Zk3-q_1aBc.css`. */
    hashed_name: string;
    content: string;
    /** When a release that has it was last started. */
    started_at: ColumnType<Date, Date | undefined, Date>;
  };
}

/** Only origin/staff queries it. Audit rows are only ever added: the database refuses everything else. */
export interface StaffTables {
  staff_changes: {
    id: GeneratedAlways<string>;
    account_id: string | null;
    /** The API key of a program that acted. The database takes it from the transaction. */
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
