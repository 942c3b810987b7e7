// What an invoice or a credit note says.
import type { VatAmount } from '../../checkout/price-order.ts';
import type { Settings } from '../../config.ts';
import type { BillingAddress, ShippingAddress } from '../shipping-address.ts';

/**
 * All that an invoice or a credit note says, as it was when it was issued. Amounts are minor units, VAT included. What
 * may be absent was not kept by the releases before.
 */
export interface InvoiceContent {
  number: string;
  /** ISO 8601. */
  issuedAt: string;
  orderNumber: string;
  orderedAt: string;
  /** Line by line, as are the addresses. */
  seller: string[];
  /** Where the seller is: two letters. */
  sellerCountry?: string;
  buyer: string[];
  /** The same as data. */
  buyerAddress?: BillingAddress | ShippingAddress | null;
  deliveredTo: string[];
  /** Two letters. */
  deliveryCountry?: string;
  lines: InvoiceLine[];
  discount?: { code: string; amount: number } | undefined;
  shipping: { name: string; amount: number };
  tax: VatAmount[];
  total: number;
  /** What was taken when it was issued. */
  paid?: number;
  /** No money has moved. */
  isDemonstration: boolean;
  /** Of a credit note: what it corrects, and why. Its lines are what it takes back, after any discount. */
  credits?: { invoiceNumber: string; invoicedAt: string; reason: string };
}

export interface InvoiceLine {
  what: string;
  sku: string;
  quantity: number;
  unitPrice: number;
  /** Before any discount of the order. */
  amount: number;
  /** Its share of the order's discount. */
  discount?: number;
  /** Percent. */
  rate: number;
}

export type SellerSettings = Pick<Settings, 'sellerLines' | 'shopCountry'>;

/** Such as `INV-000042`. */
export function formatNumber(prefix: 'INV' | 'CN', number: number): string {
  return `${prefix}-${String(number).padStart(6, '0')}`;
}
