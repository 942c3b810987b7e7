// Computes what an order costs: goods, discount, delivery, and the VAT of the 27 member states. Pure.
import type { DeliveryDates } from './delivery-dates.ts';

export type PromotionKind = 'percent' | 'amount' | 'free-shipping';

interface OrderItem {
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

// VAT rates of the 27 member states, each with the day from which it holds. The country that the parcel goes to
// decides. Source: European Commission, "VAT rates applied in the Member States of the European Union" and its database
// "Taxes in Europe", which also list the zero and super-reduced rates of children's clothes.

/** Percent, and the day from which the rate holds (ISO 8601), in the order of time. */
type Rates = [from: string, percent: number][];

const standardRates: Record<string, Rates> = {
  AT: [['1984-01-01', 20]],
  BE: [['1996-01-01', 21]],
  BG: [['1999-01-01', 20]],
  HR: [['2012-03-01', 25]],
  CY: [['2014-01-13', 19]],
  CZ: [['2013-01-01', 21]],
  DK: [['1992-01-01', 25]],
  EE: [
    ['2009-07-01', 20],
    ['2024-01-01', 22],
    ['2025-07-01', 24],
  ],
  FI: [
    ['2013-01-01', 24],
    ['2024-09-01', 25.5],
  ],
  FR: [['2014-01-01', 20]],
  DE: [
    ['2007-01-01', 19],
    ['2020-07-01', 16],
    ['2021-01-01', 19],
  ],
  GR: [['2016-06-01', 24]],
  HU: [['2012-01-01', 27]],
  IE: [
    ['2012-01-01', 23],
    ['2020-09-01', 21],
    ['2021-03-01', 23],
  ],
  IT: [['2013-10-01', 22]],
  LV: [['2012-07-01', 21]],
  LT: [['2009-09-01', 21]],
  LU: [
    ['2015-01-01', 17],
    ['2023-01-01', 16],
    ['2024-01-01', 17],
  ],
  MT: [['2004-01-01', 18]],
  NL: [['2012-10-01', 21]],
  PL: [['2011-01-01', 23]],
  PT: [['2011-01-01', 23]],
  RO: [
    ['2017-01-01', 19],
    ['2025-08-01', 21],
  ],
  SK: [
    ['2011-01-01', 20],
    ['2025-01-01', 23],
  ],
  SI: [['2013-07-01', 22]],
  ES: [['2012-09-01', 21]],
  SE: [['1990-07-01', 25]],
};

/** Only for countries that tax children's clothes differently from adults' clothes. */
const childrensRates: Record<string, Rates> = {
  IE: [['1984-05-01', 0]],
  LU: [['2015-01-01', 3]],
};

interface Taxed {
  isForChildren: boolean;
}

/**
 * @param country two letters (ISO 3166) of a member state
 * @returns percent; before the first listed day, the rate of that day
 * @throws Error for a country without rates, to which nothing may be sold
 */
export function findVatRate(country: string, { isForChildren }: Taxed, at: Date): number {
  const day = at.toISOString().slice(0, 10);
  const rates = (isForChildren ? childrensRates[country] : undefined) ?? standardRates[country];
  if (rates === undefined) throw new Error(`Cannot tax as no rate of VAT is known for '${country}'`);
  return (rates.findLast(([from]) => from <= day) ?? rates[0]!)[1];
}
