// Joins each domain's tables to the schema of the shop's database, so that `postgres/` depends on no domain.
// Also has two tables without a file of their own.
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
/** The first parameter of a query function: the pool, or the transaction that it must be part of. */
export type DbOrTx = Db | Transaction<Database>;
export type Tx = Transaction<Database>;

/** Only origin/web queries it. */
export interface WebTables {
  kept_assets: {
    /** Such as `shop.Zk3-q_1aBc.css`. */
    hashed_name: string;
    content: string;
    /** When an origin with a release that has it last started. */
    started_at: ColumnType<Date, Date | undefined, Date>;
  };
}

/** Only origin/staff queries it. The database allows only inserts. */
export interface StaffTables {
  staff_changes: {
    id: GeneratedAlways<string>;
    account_id: string | null;
    /** The API key of a program that acted. The database takes it from the transaction. */
    api_key_id: ColumnType<string | null, never, never>;
    /** E-mail address or key of the actor, set by the database. It stays after the account is deleted. */
    who: ColumnType<string | null, never, never>;
    /** Subject of the change, such as `product:42` or `variant:7`. */
    subject: string;
    before: ColumnType<unknown, string, never>;
    after: ColumnType<unknown, string, never>;
    invalidation_id: string | null;
    changed_at: ColumnType<Date, never, never>;
  };
}
