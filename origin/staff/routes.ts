// The staff's JSON API: change a product, set a stock, see when the change is everywhere.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { requireStaff } from '../account/visitor.ts';
import { ProductSchema } from '../catalog/product.ts';
import type { Deps } from '../deps.ts';
import {
  createApi,
  createRoute,
  IdempotencyKeyHeader,
  jsonAnswer,
  jsonBody,
  problemAnswer,
  z,
} from '../web/api/api.ts';
import { plainLines, plainText } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import { MoneySchema } from '../web/money.ts';
import { patchProduct, putStock, type StaffWrite } from './change-catalog.ts';
import { InvalidationSchema, readInvalidation, readPreferredWait } from './invalidations.ts';

const tags = ['staff'];
const IdParameter = z.object({ id: z.string() });
const StaffHeaders = IdempotencyKeyHeader.extend({
  prefer: z
    .string()
    .optional()
    .openapi({ description: '`wait=5`: answer when the change is everywhere, or after 5 s' }),
});
const StaffAnswerSchema = z
  .strictObject({ product: ProductSchema, invalidation: InvalidationSchema })
  .openapi('StaffChange');
const answers = {
  200: jsonAnswer('The product as it now is, and how far its invalidation has come', StaffAnswerSchema),
  default: problemAnswer,
};

const patchProductRoute = createRoute({
  method: 'patch',
  path: '/api/staff/products/{id}',
  tags,
  summary: 'Change price, name or description; the price is that of all variants',
  request: {
    params: IdParameter,
    headers: StaffHeaders,
    body: jsonBody(
      z
        .strictObject({
          price: MoneySchema.optional(),
          name: plainText(200).optional(),
          description: plainLines(20_000).optional(),
        })
        .openapi('ProductPatch'),
    ),
  },
  responses: answers,
});

const putStockRoute = createRoute({
  method: 'put',
  path: '/api/staff/variants/{id}/stock',
  tags,
  summary: 'Set how many pieces of a variant there are',
  request: {
    params: IdParameter,
    headers: StaffHeaders,
    body: jsonBody(z.strictObject({ stock: z.int().min(0).max(10_000_000) }).openapi('Stock')),
  },
  responses: answers,
});

const getInvalidationRoute = createRoute({
  method: 'get',
  path: '/api/staff/invalidations/{id}',
  tags,
  summary: 'How far an invalidation has come',
  request: { params: IdParameter },
  responses: { 200: jsonAnswer('The invalidation', InvalidationSchema), default: problemAnswer },
});

export function staffRoutes(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const writeOf = async (c: Context<AppEnv>, headers: z.infer<typeof StaffHeaders>): Promise<StaffWrite> => {
    const { id: accountId } = await requireStaff(deps, c);
    const wait = readPreferredWait(headers.prefer);
    if (wait !== undefined) c.header('Preference-Applied', `wait=${wait}`);
    return {
      accountId,
      path: c.req.path,
      idempotencyKey: headers['idempotency-key'],
      waitMs: (wait ?? 0) * 1_000,
    };
  };
  // Who asks is settled before what is asked: a stranger learns nothing from validation either.
  api.use('/api/staff/*', async (c, next) => {
    await requireStaff(deps, c);
    await next();
  });
  api.openapi(patchProductRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header'));
    return c.json(await patchProduct(deps, write, c.req.valid('param').id, c.req.valid('json')), 200);
  });
  api.openapi(putStockRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header'));
    return c.json(await putStock(deps, write, c.req.valid('param').id, c.req.valid('json').stock), 200);
  });
  api.openapi(getInvalidationRoute, async (c) =>
    c.json(await readInvalidation(deps.db, c.req.valid('param').id), 200),
  );
  return api;
}
