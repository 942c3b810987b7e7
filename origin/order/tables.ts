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

/** By whom something happened: `staff` has an account beside it. A provider goes by its name. */
export type Who = 'shopper' | 'staff' | 'shop' | 'demo' | 'on-delivery' | 'stripe';

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
    fulfilment: Generated<Fulfilment>;
    /** Cancelled while nobody knows whether money moves: its pieces are not back in stock yet. */
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
    /** Pieces that left; that never will; that came back or are announced to; that are in stock again. */
    shipped: Generated<number>;
    withdrawn: Generated<number>;
    returned: Generated<number>;
    restocked: Generated<number>;
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
    /** At the door, so far. */
    taken_amount: Generated<number>;
    /** When the authorisation is over, as far as is known. */
    authorised_until: Date | null;
    /** Set before the money of an authorised payment is taken, with the amount. */
    capture_begun_at: Date | null;
    capture_amount: number | null;
    /** Of an authorised payment: will not be taken. */
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
    /** Of a program; the transaction names it. */
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
    /** Random; the same for each attempt, so that the provider pays back once. */
    provider_key: string;
    /** Set before the provider is called. */
    attempted_at: Date | null;
    reference: string | null;
    /** Why it is not done; for staff. */
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
    /** When its VAT fell due: with the first money. Null for one of a release before: with its issue. */
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
  /** At most one of an account is the default. */
  addresses: {
    id: GeneratedAlways<string>;
    account_id: string;
    address: ColumnType<KeptAddress, string, string>;
    is_default: Generated<boolean>;
    created_at: ColumnType<Date, never, never>;
  };
  /** By the provider's own id. */
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
  /** What was declared, as it was typed. */
  withdrawals: {
    id: GeneratedAlways<string>;
    order_number: string;
    /** Null where number and e-mail belong to no order. */
    order_id: string | null;
    name: string;
    email: string;
    pieces: string;
    /** Of who, which order and which pieces: declared twice it is one. */
    fingerprint: string;
    declared_at: ColumnType<Date, Date | undefined, never>;
  };
  return_lines: { return_id: string; variant_id: string; quantity: number; received: Generated<number> };
}
