// The content of an invoice or a credit note.
import type { VatAmount } from '../../checkout/price-order.ts';
import type { Settings } from '../../config.ts';
import type { BillingAddress, ShippingAddress } from '../shipping-address.ts';

/**
 * All that an invoice or a credit note said when it was issued. Amounts are in minor units, VAT included. Optional
 * members are absent where an earlier release did not store them.
 */
export interface InvoiceContent {
  number: string;
  /** ISO 8601. */
  issuedAt: string;
  orderNumber: string;
  orderedAt: string;
  /** One text for each line; the addresses too. */
  seller: string[];
  /** The seller's country: two letters. */
  sellerCountry?: string;
  buyer: string[];
  /** The buyer's address as data. */
  buyerAddress?: BillingAddress | ShippingAddress | null;
  deliveredTo: string[];
  /** Two letters. */
  deliveryCountry?: string;
  lines: InvoiceLine[];
  discount?: { code: string; amount: number } | undefined;
  shipping: { name: string; amount: number };
  tax: VatAmount[];
  total: number;
  /** What had been paid when it was issued. */
  paid?: number;
  /** True where no money has moved. */
  isDemonstration: boolean;
  /** Only on a credit note: what it corrects, and why. Its lines are what it takes back, after any discount. */
  credits?: { invoiceNumber: string; invoicedAt: string; reason: string };
}

export interface InvoiceLine {
  what: string;
  sku: string;
  quantity: number;
  unitPrice: number;
  /** Before any discount on the order. */
  amount: number;
  /** The line's share of the order's discount. */
  discount?: number;
  /** Percent. */
  rate: number;
}

export type SellerSettings = Pick<Settings, 'sellerLines' | 'shopCountry'>;

/** Formats a number, such as `INV-000042`. */
export function formatNumber(prefix: 'INV' | 'CN', number: number): string {
  return `${prefix}-${String(number).padStart(6, '0')}`;
}
