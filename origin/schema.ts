// The schema of the shop's database: each domain's tables, composed here so that `postgres/` knows no domain.
import type { Kysely, Transaction } from 'kysely';
import type { AccountTables } from './account/tables.ts';
import type { CartTables } from './cart/tables.ts';
import type { CatalogTables } from './catalog/tables.ts';
import type { CheckoutTables } from './checkout/tables.ts';
import type { IntegrationTables } from './integration/tables.ts';
import type { OrderTables } from './order/tables.ts';
import type { OutboxTables } from './outbox/tables.ts';
import type { StaffTables } from './staff/tables.ts';
import type { WebTables } from './web/tables.ts';

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
