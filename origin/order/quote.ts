// Quotes what a cart would cost with each delivery method.
// Also has the JSON API that shows what a promotion code would do, without using it.

import type { OpenAPIHono } from '@hono/zod-openapi';
import { cartRequestOf } from '../cart/api.ts';
import type { Cart } from '../cart/cart.ts';
import type { Carts } from '../cart/carts.ts';
import { readVariants, type VariantInfo } from '../catalog/read-variants.ts';
import { type DeliveryDates, type Holidays, promiseDelivery } from '../checkout/delivery-dates.ts';
import {
  type ChosenShipping,
  type OrderPrice,
  type PromotionKind,
  priceOrder,
} from '../checkout/price-order.ts';
import { isFor, normaliseCode, type Promotion } from '../checkout/promotion.ts';
import { findHolding, type PromotionCustomer } from '../checkout/promotions.ts';
import { listChoices, readKnownShippingTable, type ShippingTable } from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readVisitor, refuseEndedSession } from '../identity/visitor.ts';
import { createApi, defineRoute, jsonAnswer, jsonBody, z } from '../web/api/api.ts';
import { CountryCode } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import { MoneySchema, money } from '../web/money.ts';
import { exampleOrder, OrderDiscountSchema, OrderShippingSchema, TaxSchema } from './order.ts';
import { toShipping, toTax } from './order-rows.ts';
import { findCountry } from './shipping-address.ts';

interface QuoteLine {
  info: VariantInfo;
  /** The price of all its pieces. */
  amount: number;
}

interface QuoteRequest {
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

const PreviewSchema = z
  .object({
    subtotal: MoneySchema.openapi({ description: 'Of all goods' }),
    discount: OrderDiscountSchema,
    shipping: OrderShippingSchema.optional().openapi({
      description: 'The cheapest; absent where nothing is delivered to the country',
    }),
    tax: TaxSchema,
    total: MoneySchema,
  })
  .openapi('PromotionPreview', {
    example: {
      subtotal: { amount: 4_398, currency: 'EUR' },
      discount: { code: 'SPRING', amount: { amount: 400, currency: 'EUR' } },
      shipping: exampleOrder.shipping,
      tax: exampleOrder.tax,
      total: exampleOrder.total,
    },
  });

const previewRoute = defineRoute({
  method: 'post',
  path: '/api/promotions/preview',
  operationId: 'previewPromotion',
  tags: ['order'],
  audience: 'shopper',
  refusals: ['cart-empty', 'no-delivery-there', 'promotion-refused'],
  summary: 'What the cart would cost with a promotion code; nothing is used up',
  request: {
    body: jsonBody(
      z
        .strictObject({
          code: z.string().max(200),
          country: CountryCode.optional().openapi({
            description: 'Where it would be sent; default the country of the shop',
          }),
        })
        .openapi('PromotionPreviewRequest', { example: { code: 'spring', country: 'IE' } }),
    ),
  },
  responses: { 200: jsonAnswer('The price with the code', PreviewSchema) },
});

/** The JSON API that shows what a promotion code would do, without using it. */
export function promotionApi(deps: Deps, carts: Carts): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.openapi(previewRoute, async (c) => {
    await refuseEndedSession(deps, c);
    const { account } = await readVisitor(deps, c);
    const { code, country: asked } = c.req.valid('json');
    const { cart } = await carts.view(await cartRequestOf(deps, c));
    if (cart.lines.length === 0) throw new Refusal(409, 'cart-empty', 'The cart is empty');
    const country = asked ?? deps.settings.shopCountry;
    if (findCountry(country) === undefined)
      throw new Refusal(422, 'no-delivery-there', `Nothing is delivered to ${country}`);
    const [lines, table] = await Promise.all([toQuoteLines(deps, cart), readKnownShippingTable(deps)]);
    const customer = { email: account?.email, accountId: account?.id };
    const promotion = await readPromotionFor(deps, code, { lines, customer });
    const { price, shipping } = makeQuote({
      lines,
      table,
      country,
      promotion,
      nowMs: deps.now(),
      shopCountry: deps.settings.shopCountry,
    });
    return c.json(
      {
        subtotal: money(price.subtotal),
        discount: { code: normaliseCode(code), amount: money(price.discount) },
        ...(shipping === undefined ? {} : { shipping: toShipping(shipping) }),
        tax: toTax(price.tax),
        total: money(price.total),
      },
      200,
    );
  });
  return api;
}
