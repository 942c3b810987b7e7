// Quotes what a cart would cost: each delivery method with its total, the discount and the VAT. It takes no stock and
// uses no promotion code.
import type { Cart } from '../cart/cart.ts';
import { readVariants, type VariantInfo } from '../catalog/read-variants.ts';
import { type DeliveryDates, type Holidays, promiseDelivery } from '../checkout/delivery-dates.ts';
import {
  type ChosenShipping,
  type OrderPrice,
  type PromotionKind,
  priceOrder,
} from '../checkout/price-order.ts';
import { isFor, type Promotion } from '../checkout/promotion.ts';
import { findHolding, type PromotionCustomer } from '../checkout/promotions.ts';
import { listChoices, type ShippingTable } from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';

export interface QuoteLine {
  info: VariantInfo;
  /** The price of all its pieces. */
  amount: number;
}

export interface QuoteRequest {
  lines: QuoteLine[];
  table: ShippingTable;
  country: string;
  /** The cheapest method is taken where this is undefined, or where the method does not deliver there. */
  method?: string | undefined;
  promotion?: Promotion | undefined;
  nowMs: number;
  shopCountry: string;
  /** Absent where no delivery date is shown. */
  holidays?: Holidays;
}

export interface Quote {
  country: string;
  /** Cheapest first; empty where nothing is delivered there. */
  choices: { shipping: ChosenShipping & { promised: DeliveryDates }; total: number }[];
  /** Undefined where nothing is delivered there. */
  shipping: ChosenShipping | undefined;
  /** Without delivery where nothing is delivered there. */
  price: OrderPrice;
}

export function makeQuote(request: QuoteRequest): Quote {
  const { lines, table, country, method, promotion, nowMs, shopCountry, holidays } = request;
  const at = new Date(nowMs);
  const priceWith = (shipping: ChosenShipping | undefined) =>
    priceLines(lines, { shippingAmount: shipping?.amount ?? 0, promotion, country, at });
  const choices = listChoices(table, country, sumLines(lines)).map((choice) => ({
    ...choice,
    promised: promiseDelivery(choice.days, { nowMs, shopCountry, ...(holidays && { holidays }) }),
  }));
  const shipping = choices.find((choice) => choice.method === method) ?? choices[0];
  return {
    country,
    choices: choices.map((choice) => ({ shipping: choice, total: priceWith(choice).total })),
    shipping,
    price: priceWith(shipping),
  };
}

/** Prices lines. Orders are priced by this function too. */
export function priceLines(
  lines: QuoteLine[],
  by: { shippingAmount: number; promotion: Promotion | undefined; country: string; at: Date },
): OrderPrice {
  const { promotion } = by;
  return priceOrder({
    ...by,
    // An API answer's `kind` is open for new values; the table allows only known ones.
    promotion: promotion && { kind: promotion.kind as PromotionKind, value: promotion.value },
    items: lines.map(({ info, amount }) => ({
      amount,
      isForChildren: info.isForChildren,
      isPromoted: promotion !== undefined && isFor(promotion, info),
    })),
  });
}

export function sumLines(lines: QuoteLine[]): number {
  return lines.reduce((sum, { amount }) => sum + amount, 0);
}

/** Leaves out variants that are no longer sold. @throws Refusal 503 where the catalog cannot be read */
export async function toQuoteLines(deps: Pick<Deps, 'cache'>, cart: Cart): Promise<QuoteLine[]> {
  const variants = await readVariants(
    deps,
    cart.lines.map((line) => line.variantId),
  );
  return cart.lines.flatMap(({ variantId, quantity }) => {
    const info = variants.get(variantId);
    return info === undefined ? [] : [{ info, amount: quantity * info.price.amount }];
  });
}

/** @throws Refusal 422 `promotion-refused` */
export function readPromotionFor(
  { db, now }: Pick<Deps, 'db' | 'now'>,
  code: string,
  { lines, customer }: { lines: QuoteLine[]; customer: PromotionCustomer },
): Promise<Promotion> {
  return findHolding(db, code, { lines, customer, now: new Date(now()) });
}
