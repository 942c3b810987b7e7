// The JSON API for other systems: API keys, and what happened in the shop.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { requireOwner } from '../identity/visitor.ts';
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
import {
  ApiKeySchema,
  ApiKeyToWriteSchema,
  createApiKey,
  listApiKeys,
  NewApiKeySchema,
  type OwnerWrite,
  revokeApiKey,
} from './api-keys.ts';
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
    200: jsonAnswer('The keys', z.object({ items: z.array(ApiKeySchema) }).openapi('ApiKeyList')),
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
  responses: { 201: jsonAnswer('The key with its text', NewApiKeySchema) },
});

const revokeKeyRoute = defineRoute({
  method: 'delete',
  path: '/api/staff/api-keys/{id}',
  operationId: 'revokeApiKey',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Revoke an API key; it ends at once',
  request: { params: z.object({ id: Id }), headers: IdempotencyKeyHeader },
  responses: { 204: emptyAnswer('Revoked') },
});

/** As far as Postgres counts. */
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

/** Mounted behind the guard of the staff's API. */
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
    return c.json(await createApiKey(deps, write, c.req.valid('json')), 201);
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
  return api;
}
