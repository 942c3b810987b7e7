// Kysely's types of the order tables. Only files of this folder query them.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { ChosenShipping, VatAmount } from '../checkout/price-order.ts';
import type { InvoiceContent } from './invoice/invoice-content.ts';
import type { Dispute } from './payment/stripe-events.ts';
import type { BillingAddress, KeptAddress, ShippingAddress } from './shipping-address.ts';

export type PaymentStatus = 'reserved' | 'pending' | 'authorised' | 'paid' | 'failed' | 'unknown';
export type OrderStatus = 'placed' | 'paid' | 'cancelled';
export type Fulfilment = 'open' | 'partly-shipped' | 'shipped' | 'delivered';
export type RefundStatus = 'pending' | 'done' | 'unknown';
export type ReturnStatus = 'requested' | 'received' | 'refunded' | 'refused';

/** Who did something. For `staff`, the row also names an account. A provider goes by its name. */
export type Who = 'shopper' | 'staff' | 'shop' | 'demo' | 'on-delivery' | 'stripe';

export interface OrderTables {
  orders: {
    id: GeneratedAlways<string>;
    number: string;
    account_id: string | null;
    email: string | null;
    shipping_address: ColumnType<ShippingAddress | null, string | null, string | null>;
    /** Null where the invoice goes to the delivery address. */
    billing_address: ColumnType<BillingAddress | null, string | null | undefined, string | null>;
    status: Generated<OrderStatus>;
    total_amount: number;
    /** Null for an order from before there were delivery methods, which was sent free of charge. */
    shipping: ColumnType<ChosenShipping | null, string | null | undefined, string | null>;
    discount_code: string | null;
    discount_amount: Generated<number>;
    /** The country where the VAT is due. */
    tax_country: string | null;
    tax: ColumnType<VatAmount[] | null, string | null | undefined, string | null>;
    placed_at: ColumnType<Date, Date | undefined, Date>;
    fulfilment: Generated<Fulfilment>;
    /** True while a cancelled order's payment may still move money. Its pieces are not back in stock yet. */
    holds_stock: Generated<boolean>;
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
    /** Pieces that left; that will never leave; that came back or are announced to; that are in stock again. */
    shipped: Generated<number>;
    withdrawn: Generated<number>;
    returned: Generated<number>;
    restocked: Generated<number>;
  };
  payments: {
    order_id: string;
    provider: string;
    /** The outcome that the demo provider is asked for. */
    wanted_outcome: string | null;
    status: Generated<PaymentStatus>;
    /** Set before the provider is called for the first time. */
    attempted_at: Date | null;
    /** The provider's own id of the payment. */
    reference: string | null;
    redirect_url: string | null;
    /** The idempotency key of each request to the provider. Null where no provider is called. */
    provider_key: string | null;
    /** The request to the provider, composed when the order was placed; null once the payment has a reference. */
    request: ColumnType<unknown, string | null | undefined, string | null>;
    /** When the provider's page closes. */
    expires_at: Date | null;
    /** Why the payment failed or is unclear; for staff. */
    detail: string | null;
    /** Money that arrived after the order was cancelled, and whether it was refunded. */
    flag: 'late-money' | 'refunded' | null;
    /** The amount taken at the door so far. */
    taken_amount: Generated<number>;
    /** When the authorisation is expected to end. */
    authorised_until: Date | null;
    /** Set, with the amount, before the money of an authorised payment is taken. */
    capture_begun_at: Date | null;
    capture_amount: number | null;
    /** The part of an authorised payment that will not be taken. */
    left_out_amount: Generated<number>;
    updated_at: ColumnType<Date, Date | undefined, Date>;
  };
  /** Rows are only ever added; the newest has the highest id. */
  order_events: {
    id: GeneratedAlways<string>;
    order_id: string;
    at: ColumnType<Date, Date | undefined, never>;
    who: Who;
    account_id: string | null;
    /** The API key of a program that acted. The database takes it from the transaction. */
    api_key_id: ColumnType<string | null, never, never>;
    what: string;
    detail: Generated<string>;
  };
  shipments: {
    id: GeneratedAlways<string>;
    order_id: string;
    carrier: string;
    tracking_number: string | null;
    tracking_url: string | null;
    shipped_at: ColumnType<Date, Date | undefined, Date>;
    delivered_at: Date | null;
  };
  shipment_lines: { shipment_id: string; variant_id: string; quantity: number };
  door_payments: {
    id: GeneratedAlways<string>;
    order_id: string;
    amount: number;
    reference: string | null;
    account_id: string | null;
    taken_at: ColumnType<Date, Date | undefined, Date>;
  };
  refunds: {
    id: GeneratedAlways<string>;
    order_id: string;
    amount: number;
    reason: string;
    status: Generated<RefundStatus>;
    /** Random, and the same for each attempt, so that the provider pays back once. */
    provider_key: string;
    /** Set before the provider is called. */
    attempted_at: Date | null;
    reference: string | null;
    /** Why the refund is not done; for staff. */
    detail: string | null;
    at: ColumnType<Date, Date | undefined, Date>;
    done_at: Date | null;
  };
  returns: {
    id: GeneratedAlways<string>;
    number: string;
    order_id: string;
    status: Generated<ReturnStatus>;
    reason: Generated<string>;
    /** Why staff refused it. */
    refusal: string | null;
    refund_id: string | null;
    requested_at: ColumnType<Date, Date | undefined, Date>;
    closed_at: Date | null;
  };
  /** One row, locked by each transaction that issues an invoice. */
  invoice_counter: { only_row: Generated<boolean>; last_number: Generated<number> };
  invoices: {
    number: number;
    order_id: string;
    issued_at: Date;
    content: ColumnType<InvoiceContent, string, never>;
    /** The PDF; null until it is asked for. */
    document: Buffer | null;
    /**
     * When its VAT fell due, which is with the first payment. Null for an invoice of an earlier release: the date of
     * issue.
     */
    taxed_at: Date | null;
  };
  /** One row, locked by each transaction that issues a credit note. */
  credit_note_counter: { only_row: Generated<boolean>; last_number: Generated<number> };
  credit_notes: {
    number: number;
    order_id: string;
    refund_id: string;
    issued_at: Date;
    taxed_at: Date;
    content: ColumnType<InvoiceContent, string, never>;
    document: Buffer | null;
  };
  /** At most one address of an account is the default. */
  addresses: {
    id: GeneratedAlways<string>;
    account_id: string;
    address: ColumnType<KeptAddress, string, string>;
    is_default: Generated<boolean>;
    created_at: ColumnType<Date, never, never>;
  };
  /** The id is the provider's own. */
  disputes: {
    id: string;
    order_id: string;
    amount: number;
    reason: string;
    state: Dispute['state'];
    due_by: Date | null;
    opened_at: Date;
    told_at: Date;
  };
  /** Withdrawals as shoppers declared them, word for word. */
  withdrawals: {
    id: GeneratedAlways<string>;
    order_number: string;
    /** Null where number and e-mail belong to no order. */
    order_id: string | null;
    name: string;
    email: string;
    pieces: string;
    /** Hash of order number, e-mail and pieces. A repeated declaration has the same. */
    fingerprint: string;
    declared_at: ColumnType<Date, Date | undefined, never>;
  };
  return_lines: { return_id: string; variant_id: string; quantity: number; received: Generated<number> };
}
