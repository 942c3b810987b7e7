// Kysely's types of the order tables. Only files of this folder query them.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { ChosenShipping, VatAmount } from '../checkout/price-order.ts';
import type { BillingAddress, ShippingAddress } from './shipping-address.ts';

export type PaymentStatus = 'reserved' | 'pending' | 'paid' | 'failed' | 'unknown';
export type OrderStatus = 'placed' | 'paid' | 'cancelled';

export interface OrderTables {
  orders: {
    id: GeneratedAlways<string>;
    number: string;
    account_id: string | null;
    email: string | null;
    shipping_address: ColumnType<ShippingAddress | null, string | null, string | null>;
    /** Null: that of delivery. */
    billing_address: ColumnType<BillingAddress | null, string | null | undefined, string | null>;
    status: Generated<OrderStatus>;
    total_amount: number;
    /** Null for an order of a release before there were methods: it travelled free. */
    shipping: ColumnType<ChosenShipping | null, string | null | undefined, string | null>;
    discount_code: string | null;
    discount_amount: Generated<number>;
    /** Where the VAT is due. */
    tax_country: string | null;
    tax: ColumnType<VatAmount[] | null, string | null | undefined, string | null>;
    placed_at: ColumnType<Date, Date | undefined, Date>;
  };
  order_lines: {
    order_id: string;
    position: number;
    variant_id: string;
    product_slug: string;
    sku: string;
    name: string;
    size: string;
    color: string;
    quantity: number;
    unit_price_amount: number;
    /** Its share of the order's discount. */
    discount_amount: Generated<number>;
    /** Percent of VAT. */
    tax_rate: number | null;
  };
  payments: {
    order_id: string;
    provider: string;
    /** What the demo provider is asked to do. */
    wanted_outcome: string | null;
    status: Generated<PaymentStatus>;
    /** Set before the provider is called for the first time. */
    attempted_at: Date | null;
    /** The provider's own name for the payment. */
    reference: string | null;
    redirect_url: string | null;
    /** Under which the provider is asked: the same each time. Null where nobody is asked. */
    provider_key: string | null;
    /** What the provider is asked, as it was made when the order was placed; null once its reference is known. */
    request: ColumnType<unknown, string | null | undefined, string | null>;
    /** When the provider's page closes. */
    expires_at: Date | null;
    /** Why it failed or cannot be told; for staff. */
    detail: string | null;
    /** Money that came after the order was cancelled, and whether it went back. */
    flag: 'late-money' | 'refunded' | null;
    updated_at: ColumnType<Date, Date | undefined, Date>;
  };
}
