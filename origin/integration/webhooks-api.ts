// The JSON API of outgoing webhooks: endpoints, the state of their deliveries, and replays.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Deps } from '../deps.ts';
import { requireOwner } from '../identity/visitor.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader as headers,
  jsonAnswer,
  jsonBody,
  listAnswer,
  IdParams as params,
  z,
} from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import type { OwnerWrite } from './api-keys.ts';
import { sendTestMessage } from './deliver-webhooks.ts';
import {
  changeWebhook,
  createWebhook,
  DeliverySchema,
  deleteWebhook,
  listDeliveries,
  listWebhooks,
  NewWebhookSchema,
  ReplaySchema,
  RotationSchema,
  readWebhook,
  replayWebhook,
  rotateSecret,
  WebhookPatchSchema,
  WebhookSchema,
  WebhookToWriteSchema,
} from './webhooks.ts';

const tags = ['integration'];
const audience = 'staff';

const listRoute = defineRoute({
  method: 'get',
  path: '/api/staff/webhooks',
  operationId: 'listWebhooks',
  tags,
  audience,
  summary: 'Webhooks that the shop tells what happens, oldest first',
  responses: {
    200: listAnswer('The webhooks', WebhookSchema, 'WebhookList'),
  },
});

const createWebhookRoute = defineRoute({
  method: 'post',
  path: '/api/staff/webhooks',
  operationId: 'createWebhook',
  tags,
  audience,
  summary: 'Make a webhook; its secret is shown this once',
  request: { headers, body: jsonBody(WebhookToWriteSchema) },
  responses: { 201: jsonAnswer('The webhook with its secret', NewWebhookSchema, ['Location']) },
});

const getWebhookRoute = defineRoute({
  method: 'get',
  path: '/api/staff/webhooks/{id}',
  operationId: 'getWebhook',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'A webhook, without its secret',
  request: { params },
  responses: { 200: jsonAnswer('The webhook', WebhookSchema) },
});

const changeWebhookRoute = defineRoute({
  method: 'patch',
  path: '/api/staff/webhooks/{id}',
  operationId: 'changeWebhook',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Change, pause or resume a webhook; resumed it is told what it missed',
  request: { params, headers, body: jsonBody(WebhookPatchSchema) },
  responses: { 200: jsonAnswer('The webhook as it now is', WebhookSchema) },
});

const deleteWebhookRoute = defineRoute({
  method: 'delete',
  path: '/api/staff/webhooks/{id}',
  operationId: 'deleteWebhook',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Delete a webhook; it is told nothing more',
  request: { params, headers },
  responses: { 204: emptyAnswer('Deleted') },
});

const listDeliveriesRoute = defineRoute({
  method: 'get',
  path: '/api/staff/webhooks/{id}/deliveries',
  operationId: 'listWebhookDeliveries',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'How deliveries to a webhook stand, the newest first',
  request: {
    params,
    query: z.object({
      state: z.enum(['pending', 'delivered', 'failed']).optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
  },
  responses: {
    200: listAnswer('The deliveries', DeliverySchema, 'WebhookDeliveryList'),
  },
});

const replayRoute = defineRoute({
  method: 'post',
  path: '/api/staff/webhooks/{id}/replays',
  operationId: 'replayWebhook',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Send an event again, or all that failed',
  request: { params, headers, body: jsonBody(ReplaySchema) },
  responses: {
    202: jsonAnswer('So many will be sent', z.object({ count: z.int() }).openapi('WebhookReplayed')),
  },
});

const rotateRoute = defineRoute({
  method: 'post',
  path: '/api/staff/webhooks/{id}/secret',
  operationId: 'rotateWebhookSecret',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Make a new secret, shown this once; the former one signs as well for a time',
  request: { params, headers, body: jsonBody(RotationSchema) },
  responses: { 201: jsonAnswer('The webhook with its new secret', NewWebhookSchema, ['Location']) },
});

const testRoute = defineRoute({
  method: 'post',
  path: '/api/staff/webhooks/{id}/test',
  operationId: 'testWebhook',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Send a test message now, of type `webhook.test`; nothing is tried again',
  request: { params },
  responses: {
    200: jsonAnswer(
      'What was answered',
      z
        .object({
          delivered: z.boolean(),
          status: z.int().optional(),
          error: z.string().optional(),
        })
        .openapi('WebhookTest', { example: { delivered: true, status: 204 } }),
    ),
  },
});

/** Mount this behind the guard of the staff's API. */
export function webhooksApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const ownerWrite = async (c: Context<AppEnv>, idempotencyKey: string | undefined): Promise<OwnerWrite> => ({
    owner: await requireOwner(deps, c),
    idempotencyKey,
    path: c.req.path,
  });
  api.openapi(listRoute, async (c) => {
    await requireOwner(deps, c);
    return c.json({ items: await listWebhooks(deps.db) }, 200);
  });
  api.openapi(createWebhookRoute, async (c) => {
    const write = await ownerWrite(c, c.req.valid('header')['idempotency-key']);
    const made = await createWebhook(deps, write, c.req.valid('json'));
    c.header('Location', `${c.req.path}/${made.id}`);
    return c.json(made, 201);
  });
  api.openapi(getWebhookRoute, async (c) => {
    await requireOwner(deps, c);
    return c.json(await readWebhook(deps.db, c.req.valid('param').id), 200);
  });
  api.openapi(changeWebhookRoute, async (c) => {
    const write = await ownerWrite(c, c.req.valid('header')['idempotency-key']);
    return c.json(await changeWebhook(deps, write, c.req.valid('param').id, c.req.valid('json')), 200);
  });
  api.openapi(deleteWebhookRoute, async (c) => {
    const write = await ownerWrite(c, c.req.valid('header')['idempotency-key']);
    await deleteWebhook(deps, write, c.req.valid('param').id);
    return c.body(null, 204);
  });
  api.openapi(listDeliveriesRoute, async (c) => {
    await requireOwner(deps, c);
    return c.json(
      { items: await listDeliveries(deps.db, c.req.valid('param').id, c.req.valid('query')) },
      200,
    );
  });
  api.openapi(rotateRoute, async (c) => {
    const write = await ownerWrite(c, c.req.valid('header')['idempotency-key']);
    const { id } = c.req.valid('param');
    const made = await rotateSecret(deps, write, id, c.req.valid('json'));
    c.header('Location', `/api/staff/webhooks/${id}`);
    return c.json(made, 201);
  });
  api.openapi(testRoute, async (c) => {
    await requireOwner(deps, c);
    const { status, error } = await sendTestMessage(deps, c.req.valid('param').id);
    const told = { ...(status === undefined ? {} : { status }), ...(error === undefined ? {} : { error }) };
    return c.json({ delivered: error === undefined, ...told }, 200);
  });
  api.openapi(replayRoute, async (c) => {
    const write = await ownerWrite(c, c.req.valid('header')['idempotency-key']);
    const { eventId } = c.req.valid('json');
    return c.json({ count: await replayWebhook(deps, write, c.req.valid('param').id, eventId) }, 202);
  });
  return api;
}
