// Kysely's types of the cart tables. Only files of this folder query them.
import type { ColumnType, Generated } from 'kysely';
import type { CartLine, DirectSets } from './cart-contents.ts';

export interface CartTables {
  carts: {
    /** Random and made by an origin, so that a cart may be created while Postgres is away. */
    id: string;
    version: number;
    /** Each order ends a generation. Later and replayed operations belong to the next. */
    generation: Generated<number>;
    account_id: string | null;
    /** The account's cart that took over this guest's cart at sign-in. */
    merged_into: string | null;
    lines: ColumnType<CartLine[], string, string>;
    direct_sets: ColumnType<DirectSets, string | undefined, string>;
    created_at: ColumnType<Date, Date | undefined, Date>;
    updated_at: ColumnType<Date, Date | undefined, Date>;
  };
  cart_operations: {
    cart_id: string;
    op_id: string;
    fingerprint: string;
    /** The cart's version that this operation became part of. */
    applied_version: number;
    created_at: ColumnType<Date, Date | undefined, Date>;
  };
}
