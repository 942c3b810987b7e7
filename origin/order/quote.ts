// What a cart would cost: each delivery method with its total, the discount and the VAT. Nothing is taken or used.
import type { CartLine } from '../cart/cart-contents.ts';
import type { VariantInfo } from '../catalog/read-variants.ts';
import { type ChosenShipping, type OrderPrice, priceOrder } from '../checkout/price-order.ts';
import { listChoices, type ShippingTable } from '../checkout/shipping-methods.ts';

export interface QuoteRequest {
  lines: Pick<CartLine, 'variantId' | 'quantity'>[];
  variants: Map<string, VariantInfo>;
  table: ShippingTable;
  country: string;
  /** Undefined, or one that does not go there: the cheapest. */
  method?: string | undefined;
  nowMs: number;
}

export interface Quote {
  country: string;
  /** Cheapest first; empty where nothing is delivered there. */
  choices: { shipping: ChosenShipping; total: number }[];
  /** Undefined where nothing is delivered there. */
  shipping: ChosenShipping | undefined;
  /** Without delivery where there is none. */
  price: OrderPrice;
}

export function makeQuote({ lines, variants, table, country, method, nowMs }: QuoteRequest): Quote {
  const items = lines.flatMap(({ variantId, quantity }) => {
    const info = variants.get(variantId);
    if (info === undefined) return [];
    const { isForChildren, price } = info;
    return [{ amount: quantity * price.amount, isForChildren, isPromoted: false }];
  });
  const priceWith = (shipping: ChosenShipping | undefined) =>
    priceOrder({ items, shippingAmount: shipping?.amount ?? 0, country, at: new Date(nowMs) });
  const subtotal = items.reduce((sum, { amount }) => sum + amount, 0);
  const choices = listChoices(table, country, subtotal);
  const shipping = choices.find((choice) => choice.method === method) ?? choices[0];
  return {
    country,
    choices: choices.map((choice) => ({ shipping: choice, total: priceWith(choice).total })),
    shipping,
    price: priceWith(shipping),
  };
}
