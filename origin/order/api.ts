// The JSON API of orders and checkout options, and the endpoint of Stripe's webhooks.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Carts } from '../cart/carts.ts';
import { listMethods, readKnownShippingTable } from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import { readVisitor, refuseEndedSession } from '../identity/visitor.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  Id,
  IdempotencyKeyHeader,
  jsonAnswer,
  jsonBody,
  z,
} from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { setCookies } from '../web/request/signed-cookies.ts';
import { exampleOrder, OrderRequestSchema, OrderSchema } from './order.ts';
import { recordDispute } from './payment/disputed-and-unclear.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { placeOrder } from './place-order.ts';
import { type Buyer, listOrders, readOrder } from './read-orders.ts';
import { recordEvent } from './record-outcome.ts';
import { countries } from './shipping-address.ts';

const tags = ['order'];

const placeOrderRoute = defineRoute({
  method: 'post',
  path: '/api/orders',
  operationId: 'placeOrder',
  tags,
  audience: 'shopper',
  refusals: [
    'idempotency-key-required',
    'cart-empty',
    'out-of-stock',
    'price-changed',
    'cart-over-limit',
    'no-delivery-there',
    'promotion-refused',
    'unknown-provider',
    'total-too-large',
    'total-too-small',
  ],
  summary: 'Order what is in the cart',
  description:
    'Order what is in the cart: prices and stock are those of this moment. A payment that was refused is an order whose `payment.status` is `failed`. Where `payment.redirectUrl` is there, send the buyer to it.',
  request: { headers: IdempotencyKeyHeader.required(), body: jsonBody(OrderRequestSchema) },
  responses: { 201: jsonAnswer('The order', OrderSchema, ['Location', 'Set-Cookie']) },
});

const listOrdersRoute = defineRoute({
  method: 'get',
  path: '/api/orders',
  operationId: 'listOrders',
  tags,
  audience: 'shopper',
  summary: 'Own orders, newest first',
  responses: {
    200: jsonAnswer(
      'Own orders',
      z.object({ items: z.array(OrderSchema) }).openapi('OrderList', { example: { items: [exampleOrder] } }),
    ),
  },
});

const getOrderRoute = defineRoute({
  method: 'get',
  path: '/api/orders/{id}',
  operationId: 'getOrder',
  tags,
  audience: 'shopper',
  refusals: ['not-found'],
  summary: 'One of the own orders',
  request: { params: z.object({ id: Id }) },
  responses: { 200: jsonAnswer('The order', OrderSchema) },
});

const checkoutOptionsRoute = defineRoute({
  method: 'get',
  path: '/api/checkout-options',
  operationId: 'getCheckoutOptions',
  tags,
  audience: 'everyone',
  summary: 'How an order can be paid, and where it can be sent',
  responses: {
    200: jsonAnswer(
      'The same for everyone; the first provider is the one that the shop prefers',
      z
        .object({
          providers: z.array(z.object({ id: z.string(), name: z.string() }).openapi('PaymentOption')),
          countries: z.array(z.string()).openapi({ description: 'Two letters each (ISO 3166)' }),
        })
        .openapi('CheckoutOptions', {
          example: { providers: [{ id: 'on-delivery', name: 'Pay at the door' }], countries: ['DE', 'IE'] },
        }),
    ),
  },
});

const stripeRoute = defineRoute({
  method: 'post',
  path: '/api/webhooks/stripe',
  operationId: 'receiveStripeEvent',
  tags: ['webhooks'],
  audience: 'everyone',
  refusals: ['wrong-signature', 'not-found'],
  summary: 'For Stripe: what became of a payment',
  description:
    'Tells what became of a payment. The body is verified by its signature; where the shop does not take Stripe this is `404`.',
  request: {
    headers: z.object({ 'stripe-signature': z.string().max(2_000).optional() }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: { type: 'object', description: 'An event of Stripe' },
          example: { id: 'evt_1', type: 'checkout.session.completed' },
        },
      },
    },
  },
  responses: { 204: emptyAnswer('Heard') },
});

export function orderApi(deps: Deps, carts: Carts, providers: PaymentProviders): OpenAPIHono<AppEnv> {
  const api = createApi();
  const buyerOf = async (c: Context<AppEnv>) => {
    await refuseEndedSession(deps, c);
    return readBuyer(deps, c);
  };
  // Checked before the body is validated: an order without a key is refused whatever its body says.
  api.use('/api/orders', async (c, next) => {
    if (c.req.method === 'POST' && !c.req.header('Idempotency-Key')) {
      throw new Refusal(
        428,
        'idempotency-key-required',
        'An order needs an Idempotency-Key, so that it is placed once',
      );
    }
    await next();
  });
  api.openapi(placeOrderRoute, async (c) => {
    const placed = await placeOrder(deps, carts, providers, {
      ...(await buyerOf(c)),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
      path: '/api/orders',
      traceparent: c.get('traceparent'),
      request: c.req.valid('json'),
    });
    setCookies(c, placed.setCookies);
    c.header('Location', `/api/orders/${placed.order.id}`);
    return c.json(placed.order, 201);
  });
  // No cache keeps this answer. A restart with other settings raises no version, so a cached answer would stay.
  api.openapi(checkoutOptionsRoute, async (c) => {
    const table = await readKnownShippingTable(deps).catch(() => undefined);
    const codes = countries
      .map(({ code }) => code)
      .filter((code) => table === undefined || listMethods(table, code).length > 0);
    return c.json({ providers: providers.offered, countries: codes }, 200);
  });
  api.openapi(listOrdersRoute, async (c) => {
    const buyer = await buyerOf(c);
    return c.json({ items: await readOwn(deps, c, (db) => listOrders({ ...deps, db }, buyer)) }, 200);
  });
  api.openapi(getOrderRoute, async (c) => {
    const { id } = c.req.valid('param');
    const buyer = await buyerOf(c);
    return c.json(await readOwn(deps, c, (db) => readOrder({ ...deps, db }, id, buyer)), 200);
  });
  api.openapi(stripeRoute, async (c) => {
    if (providers.stripe === undefined) throw notFound('This address');
    const event = await providers.stripe
      .readEvent(await c.req.text(), c.req.valid('header')['stripe-signature'] ?? '')
      .catch((cause: unknown) => {
        throw new Refusal(400, 'wrong-signature', 'This does not come from Stripe', { cause });
      });
    if (event?.about === 'dispute') await recordDispute(deps, providers.stripe, event);
    else if (event !== undefined) await recordEvent(deps, { provider: 'stripe', ...event });
    return c.body(null, 204);
  });
  return api;
}

/** The pages use it too. */
export async function readBuyer(deps: Deps, c: Context<AppEnv>): Promise<Buyer> {
  const { account } = await readVisitor(deps, c);
  return { accountId: account?.id, cookieHeader: c.req.header('Cookie') };
}
