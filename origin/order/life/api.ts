// The JSON API of an order after the purchase: cancel it, send pieces back, and mail its link again.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { cartRequestOf } from '../../cart/api.ts';
import type { Carts } from '../../cart/carts.ts';
import type { Deps } from '../../deps.ts';
import { refuseEndedSession } from '../../identity/visitor.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader as headers,
  Id,
  jsonAnswer,
  jsonBody,
  z,
} from '../../web/api/api.ts';
import { EmailField, optionalText, plainText } from '../../web/api/plain-text.ts';
import type { ProblemCode } from '../../web/api/problem-codes.ts';
import type { AppEnv } from '../../web/env.ts';
import { readBuyer } from '../api.ts';
import { requestOrderLink } from '../guest-orders.ts';
import { OrderSchema, ReturnSchema } from '../order.ts';
import type { PaymentProviders } from '../payment/providers.ts';
import { type Buyer, openOrder } from '../read-orders.ts';
import type { OrderChange } from './order-life.ts';
import { performDeed } from './perform-deed.ts';

const tags = ['order'];
const params = z.object({ id: Id });
const query = z.object({
  key: z.string().max(200).optional().openapi({ description: 'Of the link in a mail about the order' }),
});

/** Pieces of an order, in a request. */
export const PiecesToWriteSchema = z
  .strictObject({ variantId: Id, quantity: z.int().min(1).max(9_999) })
  .openapi('PiecesToWrite', { example: { variantId: '7', quantity: 1 } });
export const someLines = <Line extends z.ZodType>(line: Line) => z.array(line).min(1).max(200);

const refusals: ProblemCode[] = ['not-found'];

const cancelRoute = defineRoute({
  method: 'post',
  path: '/api/orders/{id}/cancellation',
  operationId: 'cancelOrder',
  tags,
  audience: 'shopper',
  refusals: [...refusals, 'already-shipped'],
  summary: 'Cancel an order before anything of it was shipped',
  description:
    'Cancels the order: pieces go back into stock and money comes back, once. While nobody knows whether the payment went through, the order is cancelled at once, and pieces and money follow when it is known. Cancelling again changes nothing.',
  request: {
    params,
    query,
    headers,
    body: {
      ...jsonBody(
        z
          .strictObject({ reason: optionalText(500) })
          .openapi('Cancellation', { example: { reason: 'Ordered twice' } }),
      ),
      required: false,
    },
  },
  responses: { 200: jsonAnswer('The order as it now is', OrderSchema) },
});

const returnRoute = defineRoute({
  method: 'post',
  path: '/api/orders/{id}/returns',
  operationId: 'requestReturn',
  tags,
  audience: 'shopper',
  refusals: [...refusals, 'not-shipped', 'too-late', 'return-too-large'],
  summary: 'Announce that pieces are sent back',
  description:
    'Announces a return. Its number belongs on the parcel; what arrives is paid back. The days in which pieces can be sent back begin when the last parcel of the order was delivered.',
  request: {
    params,
    query,
    headers,
    body: jsonBody(
      z
        .strictObject({ lines: someLines(PiecesToWriteSchema), reason: optionalText(500) })
        .openapi('ReturnRequest', {
          example: { lines: [{ variantId: '7', quantity: 1 }], reason: 'Too small' },
        }),
    ),
  },
  responses: { 201: jsonAnswer('The return', ReturnSchema, ['Location']) },
});

export const LookUpSchema = z
  .strictObject({ number: plainText(40), email: EmailField })
  .openapi('OrderLookup', { example: { number: 'MC-7F3KQ-2PDX9', email: 'ada@example.com' } });

const lookUpRoute = defineRoute({
  method: 'post',
  path: '/api/order-lookups',
  operationId: 'lookUpOrder',
  tags,
  audience: 'everyone',
  summary: 'Ask for a link to an order by its number and e-mail; the answer is the same for all',
  request: {
    headers,
    body: jsonBody(LookUpSchema),
  },
  responses: { 202: emptyAnswer('A mail is on its way if there is such an order') },
});

export function orderLifeApi(deps: Deps, carts: Carts, providers: PaymentProviders): OpenAPIHono<AppEnv> {
  const api = createApi();
  const buyerOf = async (c: Context<AppEnv>) => {
    await refuseEndedSession(deps, c);
    return readBuyer(deps, c);
  };
  api.openapi(cancelRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { key } = c.req.valid('query');
    const buyer = await buyerOf(c);
    await openOrder(deps, id, buyer, key);
    const body = c.req.valid('json');
    await performDeed(
      { deps, providers },
      {
        orderId: id,
        write: writeOf(c, id, buyer, { key: c.req.valid('header')['idempotency-key'], body }),
        change: { deed: { what: 'cancel' }, by: { who: 'shopper' }, reason: body.reason },
      },
    );
    return c.json((await openOrder(deps, id, buyer, key)).order, 200);
  });
  api.openapi(returnRoute, async (c) => {
    const { id } = c.req.valid('param');
    const { key } = c.req.valid('query');
    const buyer = await buyerOf(c);
    await openOrder(deps, id, buyer, key);
    const body = c.req.valid('json');
    const made = await performDeed(
      { deps, providers },
      {
        orderId: id,
        write: writeOf(c, id, buyer, { key: c.req.valid('header')['idempotency-key'], body }),
        change: returnChange(deps, body),
      },
    );
    const { order } = await openOrder(deps, id, buyer, key);
    // The order shows its returns, to whoever may open it.
    c.header('Location', `/api/orders/${id}${key === undefined ? '' : `?${new URLSearchParams({ key })}`}`);
    return c.json(order.returns.find((one) => one.id === made.returnId)!, 201);
  });
  api.openapi(lookUpRoute, async (c) => {
    await requestOrderLink(deps, {
      ...c.req.valid('json'),
      scope: carts.scope(await cartRequestOf(deps, c)),
      idempotencyKey: c.req.valid('header')['idempotency-key'],
    });
    return c.body(null, 202);
  });
  return api;
}

/** The change that announces a return. The page uses it too. */
export function returnChange(
  { settings, now }: Pick<Deps, 'settings' | 'now'>,
  { lines, reason }: { lines: { variantId: string; quantity: number }[]; reason?: string | undefined },
): OrderChange {
  const deed = { what: 'request-return' as const, lines, nowMs: now(), returnDays: settings.returnDays };
  return { deed, by: { who: 'shopper' }, reason };
}

/**
 * Idempotency keys belong to the account, else to the order. A shopper who opens an order by a mail's link may have
 * no cookie.
 */
export function writeOf(
  c: Context<AppEnv>,
  orderId: string,
  { accountId }: Buyer,
  { key, body }: { key: string | undefined; body: unknown },
) {
  const scope = accountId === undefined ? `order:${orderId}` : `account:${accountId}`;
  return { scope, key, method: 'POST', path: c.req.path, body };
}
