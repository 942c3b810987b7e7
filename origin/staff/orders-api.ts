// The JSON API by which staff work on orders: find, ship, collect payment, cancel, refund, and handle returns.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { missingScope, requireStaff } from '../identity/visitor.ts';
import { PiecesToWriteSchema, someLines } from '../order/life/api.ts';
import type { OrderChange } from '../order/life/order-life.ts';
import { orderOfReturn, performDeed } from '../order/life/perform-deed.ts';
import {
  listStaffOrders,
  readStaffOrder,
  type StaffOrderDetail,
  StaffOrderDetailSchema,
  StaffOrderSchema,
  withoutPeople,
  withoutPeopleOfHistory,
} from '../order/life/staff-orders.ts';
import { ReturnSchema } from '../order/order.ts';
import type { PaymentProviders } from '../order/payment/providers.ts';
import {
  createApi,
  defineRoute,
  IdempotencyKeyHeader as headers,
  Id,
  jsonAnswer,
  jsonBody,
  z,
} from '../web/api/api.ts';
import { optionalText, plainText } from '../web/api/plain-text.ts';
import type { ProblemCode } from '../web/api/problem-codes.ts';
import type { AppEnv } from '../web/env.ts';
import { MoneyToWriteSchema } from '../web/money.ts';
import { CustomerDetailSchema, CustomerSchema, listCustomers, readCustomer } from './customers.ts';

const tags = ['staff'];
const audience = 'staff';
const params = z.object({ id: Id });

/** A day or a time. A day as `to` includes the whole day. */
const TimeQuery = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })])
  .openapi({ description: 'A day, or a time in ISO 8601', example: '2026-11-30' });

/** An empty filter counts as absent. */
function filter<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((given) => (given === '' ? undefined : given), schema.optional());
}

export const OrderListQuerySchema = z.object({
  q: z.string().max(200).optional().openapi({
    description: 'Finds number, e-mail, name and SKU: every word, of which the last may be unfinished',
  }),
  status: filter(z.enum(['placed', 'paid', 'cancelled'])),
  fulfilment: filter(z.enum(['open', 'partly-shipped', 'shipped', 'delivered'])),
  payment: filter(z.enum(['reserved', 'pending', 'authorised', 'paid', 'failed', 'unknown'])),
  from: filter(TimeQuery),
  to: filter(TimeQuery),
});

export function toFilter(query: z.infer<typeof OrderListQuerySchema>) {
  const from = query.from === undefined ? undefined : new Date(query.from);
  const to = query.to === undefined ? undefined : new Date(query.to);
  // The named day, or the named moment, is included.
  to?.setTime(to.getTime() + (query.to!.includes('T') ? 1 : 86_400_000));
  return { ...query, from, to };
}

const listRoute = defineRoute({
  method: 'get',
  path: '/api/staff/orders',
  operationId: 'listAllOrders',
  tags,
  audience,
  refusals: ['bad-cursor'],
  summary: 'Orders of all shoppers, newest first',
  request: {
    query: OrderListQuerySchema.extend({
      cursor: filter(z.string().max(200)).openapi({ description: '`nextCursor` of the list before' }),
      limit: filter(z.coerce.number().int().min(1).max(100)).transform((limit) => limit ?? 24),
    }),
  },
  responses: {
    200: jsonAnswer(
      'The orders',
      z
        .object({ items: z.array(StaffOrderSchema), nextCursor: z.string().nullable() })
        .openapi('StaffOrderList', { example: { items: [], nextCursor: null } }),
    ),
  },
});

const getRoute = defineRoute({
  method: 'get',
  path: '/api/staff/orders/{id}',
  operationId: 'getAnyOrder',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'An order with its whole history',
  request: { params },
  responses: { 200: jsonAnswer('The order', StaffOrderDetailSchema) },
});

const answer = jsonAnswer('The order as it now is', StaffOrderDetailSchema);
const addedTo = jsonAnswer('The order as it now is, with what was added', StaffOrderDetailSchema, [
  'Location',
]);
const notFoundOr = (...codes: ProblemCode[]): ProblemCode[] => ['not-found', ...codes];

/** A link to a carrier's page, which mails contain. Empty text and null count as absent. */
const TrackingUrl = z
  .preprocess(
    (given) => (given === '' ? null : given),
    z
      .url({ protocol: /^https?$/, error: 'must be an address that begins with https://' })
      .max(500)
      .nullish(),
  )
  .transform((url) => url ?? undefined);

export const ShipmentToWriteSchema = z
  .strictObject({
    lines: someLines(PiecesToWriteSchema)
      .optional()
      .openapi({ description: 'All that is left where it is absent' }),
    carrier: plainText(60),
    trackingNumber: optionalText(100),
    trackingUrl: TrackingUrl,
  })
  .openapi('ShipmentToWrite', {
    example: { carrier: 'DHL', trackingNumber: '00340434161094042557' },
  });

const shipRoute = defineRoute({
  method: 'post',
  path: '/api/staff/orders/{id}/shipments',
  operationId: 'shipOrder',
  tags,
  audience,
  refusals: notFoundOr('order-cancelled', 'not-paid', 'already-shipped', 'shipment-too-large'),
  summary: 'Ship all or a part of an order; the shopper is told by mail',
  request: { params, headers, body: jsonBody(ShipmentToWriteSchema) },
  responses: { 201: addedTo },
});

/** Tolerates clocks that differ. Later times cannot be known yet. */
const longestAheadMs = 86_400_000;

const deliverRoute = defineRoute({
  method: 'patch',
  path: '/api/staff/orders/{id}/shipments/{shipment}',
  operationId: 'markDelivered',
  tags,
  audience,
  refusals: notFoundOr(),
  summary: 'Say when a parcel arrived; the shopper is told by mail',
  request: {
    params: params.extend({ shipment: Id }),
    headers,
    body: jsonBody(
      z
        .strictObject({
          deliveredAt: z.iso
            .datetime({ offset: true })
            .refine((time) => Date.parse(time) < Date.now() + longestAheadMs, {
              error: 'must not be in the future',
            }),
        })
        .openapi('Delivery', { example: { deliveredAt: '2026-12-03T10:00:00Z' } }),
    ),
  },
  responses: { 200: answer },
});

/** Money, or minor units of the shop's currency. */
const AmountSchema = z
  .union([MoneyToWriteSchema, z.int().min(0).max(2_147_483_647)], {
    error: 'must be an amount of EUR in minor units, such as 1999',
  })
  .transform((given) => (typeof given === 'number' ? given : given.amount))
  .refine((amount) => amount > 0, { error: 'must be at least 1' });

const takeMoneyRoute = defineRoute({
  method: 'post',
  path: '/api/staff/orders/{id}/payments',
  operationId: 'takeMoneyAtTheDoor',
  tags,
  audience,
  refusals: notFoundOr('order-cancelled', 'not-at-the-door', 'already-paid', 'payment-too-large'),
  summary: 'Note money that was taken at the door',
  request: {
    params,
    headers,
    body: jsonBody(
      z.strictObject({ amount: AmountSchema, reference: optionalText(100) }).openapi('DoorPayment', {
        example: { amount: { amount: 3_998, currency: 'EUR' }, reference: 'B-17' },
      }),
    ),
  },
  responses: { 201: addedTo },
});

const cancelRoute = defineRoute({
  method: 'post',
  path: '/api/staff/orders/{id}/cancellation',
  operationId: 'cancelAnyOrder',
  tags,
  audience,
  refusals: notFoundOr('already-shipped'),
  summary: 'Cancel an order before anything of it was shipped; money and pieces go back, once',
  request: {
    params,
    headers,
    body: jsonBody(
      z
        .strictObject({ reason: plainText(500) })
        .openapi('StaffCancellation', { example: { reason: 'Damaged in the warehouse' } }),
    ),
  },
  responses: { 200: answer },
});

const refundRoute = defineRoute({
  method: 'post',
  path: '/api/staff/orders/{id}/refunds',
  operationId: 'refundOrder',
  tags,
  audience,
  refusals: notFoundOr('refund-too-large', 'restock-too-large', 'second-factor-needed'),
  summary: 'Pay back a part or the whole; pieces under `restock` go back into stock',
  request: {
    params,
    headers,
    body: jsonBody(
      z
        .strictObject({
          amount: AmountSchema,
          reason: plainText(500),
          restock: z.array(PiecesToWriteSchema).max(200).optional(),
        })
        .openapi('RefundToWrite', {
          example: { amount: { amount: 1_999, currency: 'EUR' }, reason: 'A seam was open' },
        }),
    ),
  },
  responses: { 201: addedTo },
});

const receiveRoute = defineRoute({
  method: 'post',
  path: '/api/staff/returns/{id}/receipt',
  operationId: 'receiveReturn',
  tags,
  audience,
  refusals: notFoundOr('return-closed', 'return-too-large'),
  summary: 'Say what of a return arrived; it is paid back, once',
  request: {
    params,
    headers,
    body: jsonBody(
      z
        .strictObject({
          lines: someLines(
            z
              .strictObject({
                variantId: Id,
                quantity: z.int().min(0).max(9_999),
                restock: z.boolean().default(false).openapi({ description: 'It can be sold again' }),
              })
              .openapi('ReceivedPieces', { example: { variantId: '7', quantity: 1, restock: true } }),
          ),
        })
        .openapi('ReturnReceipt', { example: { lines: [{ variantId: '7', quantity: 1, restock: true }] } }),
    ),
  },
  responses: { 200: jsonAnswer('The return as it now is', ReturnSchema) },
});

const refuseRoute = defineRoute({
  method: 'post',
  path: '/api/staff/returns/{id}/refusal',
  operationId: 'refuseReturn',
  tags,
  audience,
  refusals: notFoundOr('return-closed'),
  summary: 'Refuse a return; the shopper is told by mail',
  request: {
    params,
    headers,
    body: jsonBody(
      z
        .strictObject({ reason: plainText(500) })
        .openapi('ReturnRefusal', { example: { reason: 'It was worn' } }),
    ),
  },
  responses: {
    200: jsonAnswer('The return as it now is', ReturnSchema),
  },
});

const listCustomersRoute = defineRoute({
  method: 'get',
  path: '/api/staff/customers',
  operationId: 'listCustomers',
  tags,
  audience,
  refusals: ['bad-cursor'],
  summary: 'Accounts, and guests by their e-mail, with their orders',
  request: {
    query: z.object({
      q: z.string().max(254).optional().openapi({ description: 'How the e-mail begins' }),
      cursor: z.string().max(500).optional().openapi({ description: '`nextCursor` of the list before' }),
      limit: z.coerce.number().int().min(1).max(100).default(24),
    }),
  },
  responses: {
    200: jsonAnswer(
      'By e-mail',
      z
        .object({ items: z.array(CustomerSchema), nextCursor: z.string().nullable() })
        .openapi('CustomerList', { example: { items: [], nextCursor: null } }),
    ),
  },
});

const getCustomerRoute = defineRoute({
  method: 'get',
  path: '/api/staff/customers/{id}',
  operationId: 'getCustomer',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'A customer with their orders',
  request: { params },
  responses: { 200: jsonAnswer('The customer', CustomerDetailSchema) },
});

/** Mount this behind the guard of the staff's API. */
export function staffOrdersApi(deps: Deps, providers: PaymentProviders): OpenAPIHono<AppEnv> {
  const api = createApi();
  addReads(api, deps);
  const perform = async (
    c: Context<AppEnv>,
    orderId: string,
    asked: { key: string | undefined; body: unknown; change: Omit<OrderChange, 'by'> },
  ): Promise<StaffOrderDetail> => {
    const { id: accountId, scope, seesCustomers } = await requireStaff(deps, c);
    const { key, body, change } = asked;
    await performDeed(
      { deps, providers },
      {
        orderId,
        write: { scope, key, method: c.req.method, path: c.req.path, body },
        change: { ...change, by: { who: 'staff', accountId } },
      },
    );
    const order = await readStaffOrder(deps.db, orderId);
    return seesCustomers ? order : withoutPeopleOfHistory(order);
  };
  /** A parcel, a payment and a refund are seen with their order. */
  const add: typeof perform = async (c, orderId, asked) => {
    const order = await perform(c, orderId, asked);
    c.header('Location', `/api/staff/orders/${order.id}`);
    return order;
  };
  api.openapi(shipRoute, async (c) => {
    const body = c.req.valid('json');
    const { lines, ...parcel } = body;
    const change = { deed: { what: 'ship' as const, lines }, parcel };
    const key = c.req.valid('header')['idempotency-key'];
    return c.json(await add(c, c.req.valid('param').id, { key, body, change }), 201);
  });
  api.openapi(deliverRoute, async (c) => {
    const body = c.req.valid('json');
    const { id, shipment } = c.req.valid('param');
    const change = { deed: { what: 'deliver' as const, shipment, atMs: Date.parse(body.deliveredAt) } };
    const key = c.req.valid('header')['idempotency-key'];
    return c.json(await perform(c, id, { key, body, change }), 200);
  });
  api.openapi(takeMoneyRoute, async (c) => {
    const body = c.req.valid('json');
    const change = {
      deed: { what: 'take-money' as const, amount: body.amount },
      reference: body.reference,
    };
    const key = c.req.valid('header')['idempotency-key'];
    return c.json(await add(c, c.req.valid('param').id, { key, body, change }), 201);
  });
  api.openapi(cancelRoute, async (c) => {
    const body = c.req.valid('json');
    const change = { deed: { what: 'cancel' as const }, reason: body.reason };
    const key = c.req.valid('header')['idempotency-key'];
    return c.json(await perform(c, c.req.valid('param').id, { key, body, change }), 200);
  });
  api.openapi(refundRoute, async (c) => {
    const body = c.req.valid('json');
    const { amount, reason, restock = [] } = body;
    const change = { deed: { what: 'refund' as const, amount, restock }, reason };
    const key = c.req.valid('header')['idempotency-key'];
    return c.json(await add(c, c.req.valid('param').id, { key, body, change }), 201);
  });
  api.openapi(receiveRoute, async (c) => {
    const { id } = c.req.valid('param');
    const body = c.req.valid('json');
    const change = { deed: { what: 'receive-return' as const, id, lines: body.lines } };
    const key = c.req.valid('header')['idempotency-key'];
    const order = await perform(c, await orderOfReturn(deps, id), { key, body, change });
    return c.json(order.returns.find((one) => one.id === id)!, 200);
  });
  api.openapi(refuseRoute, async (c) => {
    const { id } = c.req.valid('param');
    const body = c.req.valid('json');
    const change = { deed: { what: 'refuse-return' as const, id }, reason: body.reason };
    const key = c.req.valid('header')['idempotency-key'];
    const order = await perform(c, await orderOfReturn(deps, id), { key, body, change });
    return c.json(order.returns.find((one) => one.id === id)!, 200);
  });
  return api;
}

function addReads(api: OpenAPIHono<AppEnv>, deps: Deps): void {
  api.openapi(listRoute, async (c) => {
    const { cursor, limit, ...filter } = c.req.valid('query');
    const { seesCustomers } = await requireStaff(deps, c);
    // Searching by name would reveal whether the name exists.
    if (!seesCustomers && filter.q !== undefined) throw missingScope('customers:read');
    const { items, nextCursor } = await listStaffOrders(deps.db, { ...toFilter(filter), cursor, limit });
    return c.json({ items: seesCustomers ? items : items.map(withoutPeople), nextCursor }, 200);
  });
  api.openapi(getRoute, async (c) => {
    const { seesCustomers } = await requireStaff(deps, c);
    const order = await readStaffOrder(deps.db, c.req.valid('param').id);
    return c.json(seesCustomers ? order : withoutPeopleOfHistory(order), 200);
  });
  api.openapi(listCustomersRoute, async (c) => c.json(await listCustomers(deps, c.req.valid('query')), 200));
  api.openapi(getCustomerRoute, async (c) => c.json(await readCustomer(deps, c.req.valid('param').id), 200));
}
