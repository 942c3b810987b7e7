// The JSON API of orders, and the address where Stripe tells of payments.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { readVisitor, refuseEndedSession } from '../account/visitor.ts';
import type { Carts } from '../cart/carts.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import {
  createApi,
  createRoute,
  IdempotencyKeyHeader,
  jsonAnswer,
  jsonBody,
  problemAnswer,
  z,
} from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { setCookies } from '../web/request/set-cookies.ts';
import { countries } from './countries.ts';
import { OrderRequestSchema, OrderSchema } from './order.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { placeOrder } from './place-order.ts';
import { type Buyer, listOrders, readOrder } from './read-orders.ts';
import { recordEvent } from './record-outcome.ts';

const tags = ['order'];

const placeOrderRoute = createRoute({
  method: 'post',
  path: '/api/orders',
  tags,
  summary: 'Order what is in the cart; needs an Idempotency-Key',
  request: { headers: IdempotencyKeyHeader.required(), body: jsonBody(OrderRequestSchema) },
  responses: {
    201: jsonAnswer('The order; a refused payment is one with payment.status `failed`', OrderSchema),
    default: problemAnswer,
  },
});

const listOrdersRoute = createRoute({
  method: 'get',
  path: '/api/orders',
  tags,
  summary: 'Own orders, newest first',
  responses: {
    200: jsonAnswer('Own orders', z.strictObject({ items: z.array(OrderSchema) }).openapi('OrderList')),
    default: problemAnswer,
  },
});

const getOrderRoute = createRoute({
  method: 'get',
  path: '/api/orders/{id}',
  tags,
  summary: 'One of the own orders',
  request: { params: z.object({ id: z.string() }) },
  responses: { 200: jsonAnswer('The order', OrderSchema), default: problemAnswer },
});

const checkoutOptionsRoute = createRoute({
  method: 'get',
  path: '/api/checkout-options',
  tags,
  summary: 'How an order can be paid, and where it can be sent',
  responses: {
    200: jsonAnswer(
      'The same for everyone; the first provider is the one that the shop prefers',
      z
        .strictObject({
          providers: z.array(z.strictObject({ id: z.string(), name: z.string() }).openapi('PaymentOption')),
          countries: z.array(z.string()).openapi({ description: 'Two letters each (ISO 3166)' }),
        })
        .openapi('CheckoutOptions'),
    ),
    default: problemAnswer,
  },
});

const stripeRoute = createRoute({
  method: 'post',
  path: '/api/webhooks/stripe',
  tags,
  summary: 'For Stripe: what became of a payment; verified by its signature',
  request: { headers: z.object({ 'stripe-signature': z.string().max(2_000).optional() }) },
  responses: { 204: { description: 'Heard' }, default: problemAnswer },
});

export function orderRoutes(deps: Deps, carts: Carts, providers: PaymentProviders): OpenAPIHono<AppEnv> {
  const api = createApi();
  const buyerOf = async (c: Context<AppEnv>) => {
    await refuseEndedSession(deps, c);
    return readBuyer(deps, c);
  };
  // Asked before the body is looked at: a write without a key is wrong whatever it says.
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
  // Nothing keeps the answer: a restart with other settings raises no version that would make a kept one fall.
  api.openapi(checkoutOptionsRoute, (c) =>
    c.json({ providers: providers.offered, countries: countries.map(({ code }) => code) }, 200),
  );
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
    if (event !== undefined) await recordEvent(deps, { provider: 'stripe', ...event });
    return c.body(null, 204);
  });
  return api;
}

/** Also for the pages. */
export async function readBuyer(deps: Deps, c: Context<AppEnv>): Promise<Buyer> {
  const { account } = await readVisitor(deps, c);
  return { accountId: account?.id, cookieHeader: c.req.header('Cookie') };
}
