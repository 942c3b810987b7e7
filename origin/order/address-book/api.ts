// The JSON API of the signed-in shopper's address book.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Deps } from '../../deps.ts';
import { findOrRefuse } from '../../errors.ts';
import { requireAccount } from '../../identity/visitor.ts';
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
import type { AppEnv } from '../../web/env.ts';
import { readOwn } from '../../web/request/read-your-writes.ts';
import { AddressToWriteSchema } from '../shipping-address.ts';
import {
  AddressSchema,
  type AddressWrite,
  addAddress,
  changeAddress,
  listAddresses,
  removeAddress,
} from './addresses.ts';

const tags = ['account'];
const audience = 'account';
const params = z.object({ id: Id });
const body = jsonBody(AddressToWriteSchema);

const listRoute = defineRoute({
  method: 'get',
  path: '/api/account/addresses',
  operationId: 'listAddresses',
  tags,
  audience,
  summary: 'The own addresses, the default first',
  responses: {
    200: jsonAnswer('The addresses', z.object({ items: z.array(AddressSchema) }).openapi('AddressList')),
  },
});

const addRoute = defineRoute({
  method: 'post',
  path: '/api/account/addresses',
  operationId: 'addAddress',
  tags,
  audience,
  summary: 'Add an address; the first is the default',
  request: { headers, body },
  responses: { 201: jsonAnswer('The address', AddressSchema, ['Location']) },
});

const getRoute = defineRoute({
  method: 'get',
  path: '/api/account/addresses/{id}',
  operationId: 'getAddress',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'One of the own addresses',
  request: { params },
  responses: { 200: jsonAnswer('The address', AddressSchema) },
});

const changeRoute = defineRoute({
  method: 'put',
  path: '/api/account/addresses/{id}',
  operationId: 'changeAddress',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Change an address, or make it the default',
  request: { params, headers, body },
  responses: { 200: jsonAnswer('The address as it now is', AddressSchema) },
});

const removeRoute = defineRoute({
  method: 'delete',
  path: '/api/account/addresses/{id}',
  operationId: 'removeAddress',
  tags,
  audience,
  refusals: ['not-found'],
  summary: 'Remove an address; of the others the newest follows as default',
  request: { params, headers },
  responses: { 204: emptyAnswer('Removed') },
});

export function addressApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const writeOf = async (
    c: Context<AppEnv>,
    key: string | undefined,
    given: unknown,
  ): Promise<AddressWrite> => {
    const { id } = await requireAccount(deps, c);
    return {
      accountId: id,
      scope: `account:${id}`,
      key,
      method: c.req.method,
      path: c.req.path,
      body: given,
    };
  };
  api.openapi(listRoute, async (c) => {
    const { id } = await requireAccount(deps, c);
    return c.json({ items: await readOwn(deps, c, (db) => listAddresses(db, id)) }, 200);
  });
  api.openapi(addRoute, async (c) => {
    const { isDefault, ...address } = c.req.valid('json');
    const write = await writeOf(c, c.req.valid('header')['idempotency-key'], c.req.valid('json'));
    const added = await addAddress(deps.db, write, { address, isDefault });
    c.header('Location', `${c.req.path}/${added.id}`);
    return c.json(added, 201);
  });
  api.openapi(getRoute, async (c) => {
    const { id } = await requireAccount(deps, c);
    const own = await readOwn(deps, c, (db) => listAddresses(db, id));
    return c.json(findOrRefuse(own, c.req.valid('param').id, 'This address'), 200);
  });
  api.openapi(changeRoute, async (c) => {
    const { isDefault, ...address } = c.req.valid('json');
    const write = await writeOf(c, c.req.valid('header')['idempotency-key'], c.req.valid('json'));
    return c.json(await changeAddress(deps.db, write, c.req.valid('param').id, { address, isDefault }), 200);
  });
  api.openapi(removeRoute, async (c) => {
    const write = await writeOf(c, c.req.valid('header')['idempotency-key'], null);
    await removeAddress(deps.db, write, c.req.valid('param').id);
    return c.body(null, 204);
  });
  return api;
}
