// Kysely's types of the tables of delivery and promotions. Only files of this folder query them.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { Holiday } from './delivery-dates.ts';
import type { PromotionKind } from './price-order.ts';

export interface CheckoutTables {
  shipping_methods: {
    position: number;
    id: string;
    name: string;
    countries: string[];
    price_amount: number;
    /** Goods of this amount or more are delivered free. */
    free_from_amount: number | null;
    min_days: number;
    max_days: number;
  };
  shipping_version: {
    only_row: Generated<boolean>;
    version: Generated<number>;
    /** The day for which shared pages show delivery dates; null before the worker first ran. */
    day: ColumnType<string | null, never, string>;
    /** The holidays that staff wrote; null where those of holidays.md apply. */
    holidays: ColumnType<Holiday[] | null, never, string>;
  };
  promotions: {
    id: GeneratedAlways<string>;
    /** The code in capitals. */
    code: string;
    kind: PromotionKind;
    /** Percent, or minor units. */
    value: number;
    min_total_amount: number | null;
    starts_at: ColumnType<Date | null, Date | null, Date | null>;
    ends_at: ColumnType<Date | null, Date | null, Date | null>;
    uses: number | null;
    uses_per_customer: number | null;
    /** Slugs; null means all. */
    categories: string[] | null;
    /** Ids or slugs; null means all. */
    products: string[] | null;
    used: Generated<number>;
    created_at: ColumnType<Date, Date | undefined, Date>;
  };
  promotion_uses: {
    order_id: string;
    promotion_id: string;
    /** The e-mail in lower case; null once the person was erased. */
    customer: string | null;
    account_id: string | null;
  };
}
