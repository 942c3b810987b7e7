// The JSON API by which a shopper sees what a promotion code would do. Nothing is used up.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { cartRequestOf } from '../cart/api.ts';
import type { Carts } from '../cart/carts.ts';
import { normaliseCode } from '../checkout/promotion.ts';
import { readKnownShippingTable } from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readVisitor, refuseEndedSession } from '../identity/visitor.ts';
import { createApi, defineRoute, jsonAnswer, jsonBody, z } from '../web/api/api.ts';
import { CountryCode } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import { MoneySchema, money } from '../web/money.ts';
import { findCountry } from './countries.ts';
import { exampleOrder, OrderDiscountSchema, OrderShippingSchema, TaxSchema } from './order.ts';
import { toShipping, toTax } from './order-rows.ts';
import { makeQuote, readPromotionFor, toQuoteLines } from './quote.ts';

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
