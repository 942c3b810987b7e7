// The JSON API of the cart: read it, add to it, set or remove a line. Every write has an operation id.
import { randomUUID } from 'node:crypto';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { readVisitor, refuseEndedSession } from '../identity/visitor.ts';
import {
  createApi,
  defineRoute,
  Id,
  IdempotencyKeyHeader,
  idPattern,
  jsonAnswer,
  jsonBody,
  z,
} from '../web/api/api.ts';
import { fingerprintOf } from '../web/api/idempotency.ts';
import type { AppEnv } from '../web/env.ts';
import { firstName } from '../web/page/layout.ts';
import { CartSchema } from './cart.ts';
import { maxLineQuantity } from './cart-contents.ts';
import type { CartAnswer, CartOperation, CartRequest, Carts } from './carts.ts';

const tags = ['cart'];
const audience = 'shopper';
const params = z.object({ variantId: Id });
const ownCart = {
  200: jsonAnswer('The cart as it stands now', CartSchema, ['Set-Cookie', 'Account-Name']),
};
const responses = { 200: jsonAnswer('The cart as it stands now', CartSchema, ['Set-Cookie']) };

const AddToCart = z
  .strictObject({ variantId: Id, quantity: z.int().min(1).max(maxLineQuantity) })
  .openapi('AddToCart', { example: { variantId: '7', quantity: 2 } });
const SetQuantity = z
  .strictObject({ quantity: z.int().min(0).max(maxLineQuantity) })
  .openapi('SetQuantity', { description: '0 removes the line', example: { quantity: 1 } });

const readRoute = defineRoute({
  method: 'get',
  path: '/api/cart',
  operationId: 'getCart',
  tags,
  audience,
  summary: 'The cart of this guest or account',
  responses: ownCart,
});
const addRoute = defineRoute({
  method: 'post',
  path: '/api/cart/lines',
  operationId: 'addToCart',
  tags,
  audience,
  refusals: ['not-found', 'out-of-stock', 'line-limit', 'cart-limit'],
  summary: 'Add pieces of a variant',
  request: { headers: IdempotencyKeyHeader, body: jsonBody(AddToCart) },
  responses,
});
const setRoute = defineRoute({
  method: 'put',
  path: '/api/cart/lines/{variantId}',
  operationId: 'setCartLine',
  tags,
  audience,
  refusals: ['not-found', 'cart-limit'],
  summary: 'Set how many pieces of a variant there are; 0 removes the line',
  request: { params, headers: IdempotencyKeyHeader, body: jsonBody(SetQuantity) },
  responses,
});
const removeRoute = defineRoute({
  method: 'delete',
  path: '/api/cart/lines/{variantId}',
  operationId: 'removeCartLine',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Remove a line',
  request: { params, headers: IdempotencyKeyHeader },
  responses,
});

export function cartApi(deps: Deps, carts: Carts): OpenAPIHono<AppEnv> {
  const api = createApi();
  const request = async (c: Context<AppEnv>) => {
    await refuseEndedSession(deps, c);
    return cartRequestOf(deps, c);
  };
  const write = async (
    c: Context<AppEnv>,
    key: string | undefined,
    change: Pick<CartOperation, 'kind' | 'variantId' | 'quantity'>,
    body: unknown,
  ) => {
    // A text that cannot be an id names no variant.
    if (!idPattern.test(change.variantId)) throw notFound('This variant');
    const fingerprint = fingerprintOf({ method: c.req.method, path: c.req.path, body });
    const operation = { opId: key ?? randomUUID(), ...change, fingerprint };
    return respond(c, await carts.write(await request(c), operation));
  };

  api.openapi(readRoute, async (c) => {
    const answer = await carts.view(await request(c));
    const { account } = await readVisitor(deps, c);
    // Shared cached pages name no account, so their script puts this name into the heading.
    if (account !== undefined) c.header('Account-Name', encodeURIComponent(firstName(account.name)));
    return respond(c, answer);
  });
  api.openapi(addRoute, (c) => {
    const body = c.req.valid('json');
    return write(c, c.req.valid('header')['idempotency-key'], { kind: 'add', ...body }, body);
  });
  api.openapi(setRoute, (c) => {
    const { variantId } = c.req.valid('param');
    const body = c.req.valid('json');
    return write(c, c.req.valid('header')['idempotency-key'], { kind: 'set', variantId, ...body }, body);
  });
  api.openapi(removeRoute, (c) => {
    const { variantId } = c.req.valid('param');
    return write(c, c.req.valid('header')['idempotency-key'], { kind: 'set', variantId, quantity: 0 }, null);
  });
  return api;
}

/** Tells the cart which cookie and which account a request has. The API and the pages both use it. */
export async function cartRequestOf(deps: Deps, c: Context<AppEnv>): Promise<CartRequest> {
  const visitor = await readVisitor(deps, c);
  return { cookieHeader: c.req.header('Cookie'), accountId: visitor.account?.id };
}

function respond(c: Context<AppEnv>, answer: CartAnswer) {
  for (const cookie of answer.setCookies) c.header('Set-Cookie', cookie, { append: true });
  return c.json(answer.cart, 200);
}
