// The JSON API for other systems: API keys, what happened in the shop, stock in bulk, and look-ups of variants.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { FoundVariantSchema, findVariants } from '../catalog/read-product.ts';
import type { Deps } from '../deps.ts';
import { findOrRefuse } from '../errors.ts';
import { requireOwner, requireStaff } from '../identity/visitor.ts';
import { readPreferredWait } from '../invalidation/invalidations.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader,
  IdParams,
  jsonAnswer,
  jsonBody,
  listAnswer,
  z,
} from '../web/api/api.ts';
import { plainText } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import {
  ApiKeySchema,
  ApiKeyToWriteSchema,
  createApiKey,
  listApiKeys,
  NewApiKeySchema,
  type OwnerWrite,
  revokeApiKey,
} from './api-keys.ts';
import { changeStockInBulk, StockChangesSchema, StockOutcomesSchema } from './bulk-stock.ts';
import { readShopEvents, ShopEventListSchema } from './shop-events.ts';

const tags = ['integration'];
const audience = 'staff';

const listKeysRoute = defineRoute({
  method: 'get',
  path: '/api/staff/api-keys',
  operationId: 'listApiKeys',
  tags,
  audience,
  summary: 'API keys that stand, oldest first',
  responses: {
    200: listAnswer('The keys', ApiKeySchema, 'ApiKeyList'),
  },
});

const createKeyRoute = defineRoute({
  method: 'post',
  path: '/api/staff/api-keys',
  operationId: 'createApiKey',
  tags,
  audience,
  summary: 'Make an API key; its text is shown this once',
  request: { headers: IdempotencyKeyHeader, body: jsonBody(ApiKeyToWriteSchema) },
  responses: { 201: jsonAnswer('The key with its text', NewApiKeySchema, ['Location']) },
});

const getKeyRoute = defineRoute({
  method: 'get',
  path: '/api/staff/api-keys/{id}',
  operationId: 'getApiKey',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'An API key, without its text',
  request: { params: IdParams },
  responses: { 200: jsonAnswer('The key', ApiKeySchema) },
});

const revokeKeyRoute = defineRoute({
  method: 'delete',
  path: '/api/staff/api-keys/{id}',
  operationId: 'revokeApiKey',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Revoke an API key; it ends at once',
  request: { params: IdParams, headers: IdempotencyKeyHeader },
  responses: { 204: emptyAnswer('Revoked') },
});

/** Postgres counts no further than 18 digits. */
const Position = z
  .string()
  .regex(/^\d{1,18}$/, { error: 'must be `next` of an answer, or the id of an event' });

const listEventsRoute = defineRoute({
  method: 'get',
  path: '/api/staff/events',
  operationId: 'listShopEvents',
  tags,
  audience,
  refusals: ['events-gone'],
  summary: 'What happened in the shop, in the order of the commits, nothing skipped; kept for 30 days',
  request: {
    query: z.object({
      after: Position.optional().openapi({
        description: '`next` of the answer before; where it is absent, from the oldest that is kept',
      }),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
  },
  responses: { 200: jsonAnswer('At most `limit` events, oldest first', ShopEventListSchema) },
});

const bulkStockRoute = defineRoute({
  method: 'post',
  path: '/api/staff/stock',
  operationId: 'changeStockInBulk',
  tags,
  audience,
  summary: 'Set or add stock by SKU, at most 500 rows; each row is done and answered by itself',
  request: {
    headers: IdempotencyKeyHeader.extend({
      prefer: z.string().optional().openapi({
        description:
          '`wait=5`: answer when the change is everywhere, or after 5 s, the longest that is waited',
        example: 'wait=5',
      }),
    }),
    body: jsonBody(StockChangesSchema),
  },
  responses: {
    200: jsonAnswer('An outcome for each row, in the order of the rows', StockOutcomesSchema, [
      'Preference-Applied',
    ]),
  },
});

const findVariantsRoute = defineRoute({
  method: 'get',
  path: '/api/staff/variants',
  operationId: 'findVariants',
  tags,
  audience,
  summary: 'Variants by SKU or barcode, exactly as written; those on sale first',
  request: {
    query: z
      .object({
        sku: plainText(255).optional(),
        barcode: plainText(100).optional(),
      })
      .refine(({ sku, barcode }) => sku !== undefined || barcode !== undefined, {
        path: ['sku'],
        error: 'or barcode is needed',
      }),
  },
  responses: {
    200: listAnswer('At most 100', FoundVariantSchema, 'FoundVariantList'),
  },
});

/** Mount this behind the guard of the staff's API. */
export function integrationApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const ownerWrite = async (c: Context<AppEnv>, idempotencyKey: string | undefined): Promise<OwnerWrite> => ({
    owner: await requireOwner(deps, c),
    idempotencyKey,
    path: c.req.path,
  });
  api.openapi(listKeysRoute, async (c) => {
    await requireOwner(deps, c);
    return c.json({ items: await listApiKeys(deps.db) }, 200);
  });
  api.openapi(createKeyRoute, async (c) => {
    const write = await ownerWrite(c, c.req.valid('header')['idempotency-key']);
    const made = await createApiKey(deps, write, c.req.valid('json'));
    c.header('Location', `${c.req.path}/${made.id}`);
    return c.json(made, 201);
  });
  api.openapi(getKeyRoute, async (c) => {
    await requireOwner(deps, c);
    return c.json(findOrRefuse(await listApiKeys(deps.db), c.req.valid('param').id, 'This API key'), 200);
  });
  api.openapi(revokeKeyRoute, async (c) => {
    const write = await ownerWrite(c, c.req.valid('header')['idempotency-key']);
    await revokeApiKey(deps, write, c.req.valid('param').id);
    return c.body(null, 204);
  });
  api.openapi(listEventsRoute, async (c) => {
    const { after, limit } = c.req.valid('query');
    return c.json(await readShopEvents(deps.db, { after, limit }), 200);
  });
  api.openapi(bulkStockRoute, async (c) => {
    const { 'idempotency-key': idempotencyKey, prefer } = c.req.valid('header');
    const wait = readPreferredWait(prefer);
    if (wait !== undefined) c.header('Preference-Applied', `wait=${wait}`);
    const staff = await requireStaff(deps, c);
    const write = { staff, idempotencyKey, path: c.req.path, waitMs: (wait ?? 0) * 1_000 };
    return c.json(await changeStockInBulk(deps, write, c.req.valid('json').changes), 200);
  });
  api.openapi(findVariantsRoute, async (c) =>
    c.json({ items: await findVariants(deps.db, c.req.valid('query')) }, 200),
  );
  return api;
}
