// Computes what an order costs: goods, discount, delivery and the VAT within, in minor units that always add up.
// Pure.
import type { DeliveryDates } from './delivery-dates.ts';
import { findVatRate } from './vat-rates.ts';

export type PromotionKind = 'percent' | 'amount' | 'free-shipping';

export interface OrderItem {
  /** The price of the whole line, VAT included. */
  amount: number;
  isForChildren: boolean;
  /** Whether the promotion applies to it. */
  isPromoted: boolean;
}

export interface OrderToPrice {
  items: OrderItem[];
  /** What delivery costs before a promotion. */
  shippingAmount: number;
  promotion?: { kind: PromotionKind; value: number } | undefined;
  /** The country that the parcel goes to. */
  country: string;
  at: Date;
}

/** The delivery method as an order stores it. */
export interface ChosenShipping {
  method: string;
  name: string;
  /** Minor units, for this order. */
  amount: number;
  days: { min: number; max: number };
  /** When the parcel arrives; orders of earlier releases have no such member. */
  promised?: DeliveryDates;
}

/** The VAT of one rate within an order. */
export interface VatAmount {
  /** Percent. */
  rate: number;
  net: number;
  tax: number;
}

export interface OrderPrice {
  /** The price of all goods, before the discount. */
  subtotal: number;
  discount: number;
  total: number;
  /** The highest rate first. The net amounts and taxes of all rates add up to the total. */
  tax: VatAmount[];
  /** One for each item, in the same order. */
  items: { discount: number; rate: number }[];
}

/** Delivery is taxed like the goods: its price is divided among their rates in proportion to what they cost. */
export function priceOrder({ items, shippingAmount, promotion, country, at }: OrderToPrice): OrderPrice {
  const subtotal = sumOf(items.map(({ amount }) => amount));
  const promoted = items.map(({ amount, isPromoted }) => (isPromoted ? amount : 0));
  const goodsDiscount = discountOf(promotion, sumOf(promoted));
  const isFreeDelivery = promotion?.kind === 'free-shipping';
  const shares = divide(goodsDiscount, promoted);
  const priced = items.map((item, index) => ({
    discount: shares[index]!,
    rate: findVatRate(country, item, at),
    paid: item.amount - shares[index]!,
  }));
  const byRate = new Map<number, number>();
  for (const { rate, paid } of priced) byRate.set(rate, (byRate.get(rate) ?? 0) + paid);
  const rates = [...byRate].sort(([one], [other]) => other - one);
  const delivery = divide(
    isFreeDelivery ? 0 : shippingAmount,
    rates.map(([, gross]) => gross),
  );
  return {
    subtotal,
    discount: goodsDiscount + (isFreeDelivery ? shippingAmount : 0),
    total: subtotal - goodsDiscount + (isFreeDelivery ? 0 : shippingAmount),
    tax: rates.map(([rate, gross], index) => extractVat(gross + delivery[index]!, rate)),
    items: priced.map(({ discount, rate }) => ({ discount, rate })),
  };
}

/** Extracts the VAT within an amount, rounded to the cent; net is the rest. */
export function extractVat(gross: number, rate: number): VatAmount {
  const tax = Math.round((gross * rate) / (100 + rate));
  return { rate, net: gross - tax, tax };
}

function discountOf(promotion: OrderToPrice['promotion'], promoted: number): number {
  switch (promotion?.kind) {
    case 'percent':
      return Math.round((promoted * promotion.value) / 100);
    case 'amount':
      return Math.min(promotion.value, promoted);
    default:
      return 0;
  }
}

/**
 * Divides an amount in proportion to the weights, in whole cents. Cents left by rounding down go to the parts with
 * the largest remainders. If all weights are zero, the first part gets everything.
 */
export function divide(amount: number, weights: number[]): number[] {
  const whole = sumOf(weights);
  if (whole === 0) return weights.map((_, index) => (index === 0 ? amount : 0));
  // A product of two amounts may exceed the largest exact integer of a number.
  const products = weights.map((weight) => BigInt(amount) * BigInt(weight));
  const parts = products.map((product) => Number(product / BigInt(whole)));
  const byRemainder = products
    .map((product, index) => ({ index, remainder: product % BigInt(whole) }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  let left = amount - sumOf(parts);
  for (const { index } of byRemainder) {
    if (left === 0) break;
    parts[index]! += 1;
    left -= 1;
  }
  return parts;
}

function sumOf(amounts: number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}
