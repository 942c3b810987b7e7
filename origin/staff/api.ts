// The JSON API of staff: change a product, set stock, and see when a change has reached every cache.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { entityTagOf } from '../catalog/change/change-product.ts';
import { exampleProduct, ProductSchema } from '../catalog/product.ts';
import { factMembersToWrite, readFactsPatch } from '../catalog/product-facts.ts';
import type { Deps } from '../deps.ts';
import { requireStaff } from '../identity/visitor.ts';
import {
  exampleInvalidation,
  InvalidationSchema,
  readInvalidation,
  readPreferredWait,
} from '../invalidation/invalidations.ts';
import { createApi, defineRoute, Id, IdempotencyKeyHeader, jsonAnswer, jsonBody, z } from '../web/api/api.ts';
import { plainLines, plainText } from '../web/api/plain-text.ts';
import type { ProblemCode } from '../web/api/problem-codes.ts';
import type { AppEnv } from '../web/env.ts';
import { MoneyToWriteSchema } from '../web/money.ts';
import { patchProduct, putStock, type StaffWrite } from './change-catalog.ts';

const tags = ['staff'];
const audience = 'staff';
const IdParameter = z.object({ id: Id });
const StaffHeaders = IdempotencyKeyHeader.extend({
  prefer: z.string().optional().openapi({
    description: '`wait=5`: answer when the change is everywhere, or after 5 s, the longest that is waited',
    example: 'wait=5',
  }),
  'if-match': z
    .string()
    .optional()
    .openapi({
      description:
        '`ETag` of the product as you have it, from `GET /api/products/{slug}` or from an answer to staff; `*` fits any. ' +
        'Where it is another one by now, nothing is changed: 412',
      example: '"kVpr0sSDmZk2vDPnIbJpGw"',
    }),
});
const refusals: ProblemCode[] = ['not-found', 'precondition-failed'];
const responses = {
  200: jsonAnswer(
    'The product as it now is, and how far its invalidation has come',
    z
      .object({ product: ProductSchema, invalidation: InvalidationSchema })
      .openapi('StaffChange', { example: { product: exampleProduct, invalidation: exampleInvalidation } }),
    ['ETag', 'Preference-Applied'],
  ),
};

const patchProductRoute = defineRoute({
  method: 'patch',
  path: '/api/staff/products/{id}',
  operationId: 'changeProduct',
  tags,
  audience,
  refusals,
  summary: 'Change price, texts, or what the law asks of a product; the price is that of all variants',
  request: {
    params: IdParameter,
    headers: StaffHeaders,
    body: jsonBody(
      z
        .strictObject({
          price: MoneyToWriteSchema.optional(),
          name: plainText(255).optional(),
          description: plainLines(20_000).optional(),
          sale: z
            .boolean()
            .optional()
            .openapi({
              description:
                'With a lower `price`: it is a reduction, and `was` is the lowest price of the 30 days before. ' +
                'There is no `was` where that was not higher. Any later change of the price ends it',
            }),
          ...factMembersToWrite,
        })
        .refine(({ sale, price }) => !sale || price !== undefined, {
          path: ['price'],
          error: 'is needed for a sale',
        })
        .openapi('ProductPatch', { example: { price: { amount: 1_999, currency: 'EUR' } } }),
    ),
  },
  responses,
});

const putStockRoute = defineRoute({
  method: 'put',
  path: '/api/staff/variants/{id}/stock',
  operationId: 'setStock',
  tags,
  audience,
  refusals,
  summary: 'Set how many pieces of a variant there are',
  request: {
    params: IdParameter,
    headers: StaffHeaders,
    body: jsonBody(
      z.strictObject({ stock: z.int().min(0).max(10_000_000) }).openapi('Stock', { example: { stock: 20 } }),
    ),
  },
  responses,
});

const getInvalidationRoute = defineRoute({
  method: 'get',
  path: '/api/staff/invalidations/{id}',
  operationId: 'getInvalidation',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'How far an invalidation has come',
  request: { params: IdParameter },
  responses: { 200: jsonAnswer('The invalidation', InvalidationSchema) },
});

export function staffApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const writeOf = async (c: Context<AppEnv>, headers: z.infer<typeof StaffHeaders>): Promise<StaffWrite> => {
    const staff = await requireStaff(deps, c);
    const wait = readPreferredWait(headers.prefer);
    if (wait !== undefined) c.header('Preference-Applied', `wait=${wait}`);
    return {
      accountId: staff.id,
      scope: staff.scope,
      path: c.req.path,
      idempotencyKey: headers['idempotency-key'],
      ifMatch: headers['if-match'],
      waitMs: (wait ?? 0) * 1_000,
    };
  };
  // Authorisation comes before validation, so that validation faults reveal nothing to strangers.
  api.use('/api/staff/*', async (c, next) => {
    await requireStaff(deps, c);
    await next();
  });
  api.openapi(patchProductRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header'));
    const { price, sale, name, description, ...members } = c.req.valid('json');
    const patch = { price, sale, name, description, facts: readFactsPatch(members) };
    const answer = await patchProduct(deps, write, c.req.valid('param').id, patch);
    c.header('ETag', entityTagOf(answer.product));
    return c.json(answer, 200);
  });
  api.openapi(putStockRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header'));
    const answer = await putStock(deps, write, c.req.valid('param').id, c.req.valid('json').stock);
    c.header('ETag', entityTagOf(answer.product));
    return c.json(answer, 200);
  });
  api.openapi(getInvalidationRoute, async (c) =>
    c.json(await readInvalidation(deps.db, c.req.valid('param').id), 200),
  );
  return api;
}
