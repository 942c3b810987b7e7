// The JSON API for staff of delivery methods, holidays and promotion codes.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { PromotionPatchSchema, PromotionSchema, PromotionToWriteSchema } from '../checkout/promotion.ts';
import { listPromotions, readPromotion } from '../checkout/promotions.ts';
import {
  HolidaysSchema,
  HolidaysToWriteSchema,
  readSellersHolidays,
  readShippingTable,
  ShippingTableSchema,
  ShippingTableToWriteSchema,
} from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { requireStaff } from '../identity/visitor.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader,
  IdParams,
  jsonAnswer,
  jsonBody,
  listAnswer,
} from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { writeDeliveryTerms } from './delivery-pages.ts';
import { writePromotion } from './write-promotion.ts';

const tags = ['staff'];
const audience = 'staff';

const getTableRoute = defineRoute({
  method: 'get',
  path: '/api/staff/shipping-methods',
  operationId: 'getShippingTable',
  tags,
  audience,
  summary: 'All delivery methods with their countries and prices',
  responses: { 200: jsonAnswer('The whole table', ShippingTableSchema) },
});

const putTableRoute = defineRoute({
  method: 'put',
  path: '/api/staff/shipping-methods',
  operationId: 'setShippingTable',
  tags,
  audience,
  summary: 'Replace the table of delivery methods',
  description:
    'Replaces the whole table. A method may have several rows, with another price for other countries. Orders that were placed keep what they cost.',
  request: { headers: IdempotencyKeyHeader, body: jsonBody(ShippingTableToWriteSchema) },
  responses: { 200: jsonAnswer('The table as it now is', ShippingTableSchema) },
});

const getHolidaysRoute = defineRoute({
  method: 'get',
  path: '/api/staff/holidays',
  operationId: 'getHolidays',
  tags,
  audience,
  summary: 'The days on which nothing is sent or arrives, beside weekends',
  responses: { 200: jsonAnswer('All of them', HolidaysSchema) },
});

const putHolidaysRoute = defineRoute({
  method: 'put',
  path: '/api/staff/holidays',
  operationId: 'setHolidays',
  tags,
  audience,
  summary: 'Replace the list of holidays and closing days',
  description:
    'Dates of delivery on pages, in bags and of new orders follow at once; orders keep their promise.',
  request: { headers: IdempotencyKeyHeader, body: jsonBody(HolidaysToWriteSchema) },
  responses: { 200: jsonAnswer('The list as it now is', HolidaysSchema) },
});

const listPromotionsRoute = defineRoute({
  method: 'get',
  path: '/api/staff/promotions',
  operationId: 'listPromotions',
  tags,
  audience,
  summary: 'All promotion codes, newest first',
  responses: {
    200: listAnswer('At most 500', PromotionSchema, 'PromotionList'),
  },
});

const createPromotionRoute = defineRoute({
  method: 'post',
  path: '/api/staff/promotions',
  operationId: 'createPromotion',
  tags,
  audience,
  refusals: ['code-taken'],
  summary: 'Create a promotion code',
  request: { headers: IdempotencyKeyHeader, body: jsonBody(PromotionToWriteSchema) },
  responses: { 201: jsonAnswer('The promotion', PromotionSchema, ['Location']) },
});

const getPromotionRoute = defineRoute({
  method: 'get',
  path: '/api/staff/promotions/{id}',
  operationId: 'getPromotion',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'A promotion code',
  request: { params: IdParams },
  responses: { 200: jsonAnswer('The promotion', PromotionSchema) },
});

const changePromotionRoute = defineRoute({
  method: 'patch',
  path: '/api/staff/promotions/{id}',
  operationId: 'changePromotion',
  tags,
  audience,
  refusals: ['not-found', 'code-taken'],
  summary: 'Change a promotion code; orders that were placed keep their discount',
  request: { params: IdParams, headers: IdempotencyKeyHeader, body: jsonBody(PromotionPatchSchema) },
  responses: { 200: jsonAnswer('The promotion as it now is', PromotionSchema) },
});

const deletePromotionRoute = defineRoute({
  method: 'delete',
  path: '/api/staff/promotions/{id}',
  operationId: 'deletePromotion',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Delete a promotion code; orders that were placed keep their discount',
  request: { params: IdParams, headers: IdempotencyKeyHeader },
  responses: { 204: emptyAnswer('Deleted') },
});

/** Mount this behind the guard of the staff's API. */
export function sellingApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.openapi(getTableRoute, async (c) => c.json({ items: await readShippingTable(deps.db) }, 200));
  api.openapi(putTableRoute, async (c) => {
    const { id: accountId, scope } = await requireStaff(deps, c);
    const key = c.req.valid('header')['idempotency-key'];
    const write = { accountId, scope, key, method: 'PUT', path: c.req.path };
    await writeDeliveryTerms(deps, write, { table: c.req.valid('json').items });
    return c.json({ items: await readShippingTable(deps.db) }, 200);
  });
  api.openapi(getHolidaysRoute, async (c) => c.json({ items: await readSellersHolidays(deps.db) }, 200));
  api.openapi(putHolidaysRoute, async (c) => {
    const { id: accountId, scope } = await requireStaff(deps, c);
    const key = c.req.valid('header')['idempotency-key'];
    const write = { accountId, scope, key, method: 'PUT', path: c.req.path };
    await writeDeliveryTerms(deps, write, { holidays: c.req.valid('json').items });
    return c.json({ items: await readSellersHolidays(deps.db) }, 200);
  });
  api.openapi(listPromotionsRoute, async (c) => c.json({ items: await listPromotions(deps.db) }, 200));
  const writeOf = async (c: Context<AppEnv>, idempotencyKey: string | undefined) => {
    const { id: accountId, scope } = await requireStaff(deps, c);
    return { accountId, scope, idempotencyKey, path: c.req.path };
  };
  api.openapi(createPromotionRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key']);
    const made = await writePromotion(deps, write, { create: c.req.valid('json') });
    c.header('Location', `${c.req.path}/${made.id}`);
    return c.json(made, 201);
  });
  api.openapi(getPromotionRoute, async (c) =>
    c.json(await readPromotion(deps.db, c.req.valid('param').id), 200),
  );
  api.openapi(changePromotionRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key']);
    const { id } = c.req.valid('param');
    return c.json(await writePromotion(deps, write, { id, patch: c.req.valid('json') }), 200);
  });
  api.openapi(deletePromotionRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key']);
    await writePromotion(deps, write, { id: c.req.valid('param').id });
    return c.body(null, 204);
  });
  return api;
}
