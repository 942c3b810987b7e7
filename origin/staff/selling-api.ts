// The JSON API by which staff decide how the shop sells: delivery methods.
import type { OpenAPIHono } from '@hono/zod-openapi';
import {
  raiseShippingFloor,
  readShippingTable,
  replaceShippingTable,
  ShippingTableSchema,
  ShippingTableToWriteSchema,
} from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { requireStaff } from '../identity/visitor.ts';
import { createApi, defineRoute, IdempotencyKeyHeader, jsonAnswer, jsonBody } from '../web/api/api.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import type { AppEnv } from '../web/env.ts';
import { audit } from './change-catalog.ts';

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

/** Mounted behind the guard of the staff's API. */
export function sellingApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.openapi(getTableRoute, async (c) => c.json({ items: await readShippingTable(deps.db) }, 200));
  api.openapi(putTableRoute, async (c) => {
    const { id: accountId } = await requireStaff(deps, c);
    const { items } = c.req.valid('json');
    const write = {
      scope: `account:${accountId}`,
      key: c.req.valid('header')['idempotency-key'],
      method: 'PUT',
      path: c.req.path,
      body: { items },
    };
    const raised = await writeOnce(deps.db, write, async (tx) => {
      const before = await readShippingTable(tx);
      const versions = await replaceShippingTable(tx, items);
      await audit(tx, accountId, [{ subject: 'shipping-methods', before, after: items }]);
      return versions;
    });
    deps.wakeWorker();
    await raiseShippingFloor(deps, raised);
    return c.json({ items: await readShippingTable(deps.db) }, 200);
  });
  return api;
}
