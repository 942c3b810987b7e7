// The JSON API of the signed-in account: read, export, change and delete it.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { readAccountCartLines } from '../cart/account-cart.ts';
import type { Deps } from '../deps.ts';
import { SessionSchema } from '../identity/session.ts';
import { listSessions, type SignedIn } from '../identity/sessions.ts';
import {
  readVisitor,
  requestOriginOf,
  requireAccount,
  requireFreshProof,
  sessionEnded,
} from '../identity/visitor.ts';
import { exportOrders, OrderExportSchema } from '../order/read-orders.ts';
import { exportPerson } from '../privacy/export-person.ts';
import { readPersonOfAccount } from '../privacy/person.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader as headers,
  jsonAnswer,
  jsonBody,
  z,
} from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { setCookies } from '../web/request/signed-cookies.ts';
import { AccountSchema, NameField, PasswordField } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { changePassword, readAccount, updateAccount } from './change-account.ts';
import { leaveForGood } from './sign-in.ts';

const tags = ['account'];
const audience = 'account';
const nothing = emptyAnswer('Done', ['Set-Cookie']);
const ownAccount = { 200: jsonAnswer('The account', AccountSchema) };

/** Exports everything that the shop stores about an account, as one JSON document. */
const AccountExportSchema = z
  .object({
    exportedAt: z.iso.datetime(),
    account: AccountSchema,
    sessions: z.array(SessionSchema),
    cart: z.array(z.object({ variantId: z.string(), quantity: z.int() })),
    orders: z.array(OrderExportSchema).openapi({
      description: 'Of the account, and those that a guest placed under its e-mail, once that is confirmed',
    }),
    records: z
      .record(z.string(), z.array(z.record(z.string(), z.unknown())))
      .openapi({ description: 'All that each table keeps of the person, without secrets' }),
  })
  .openapi('AccountExport');

const getRoute = defineRoute({
  method: 'get',
  path: '/api/account',
  operationId: 'getAccount',
  tags,
  audience,
  summary: 'The own account',
  responses: ownAccount,
});

const patchRoute = defineRoute({
  method: 'patch',
  path: '/api/account',
  operationId: 'updateAccount',
  tags,
  audience,
  summary: 'Change the own name',
  request: {
    headers,
    body: jsonBody(
      z
        .strictObject({ name: NameField.optional() })
        .openapi('AccountPatch', { example: { name: 'Ada Lovelace' } }),
    ),
  },
  responses: ownAccount,
});

const deleteRoute = defineRoute({
  method: 'delete',
  path: '/api/account',
  operationId: 'deleteAccount',
  tags,
  audience,
  refusals: ['last-owner', 'second-factor-needed', 'password-needed'],
  summary: 'Delete the own account; orders stay without the person',
  request: { headers },
  responses: { 204: nothing },
});

const PasswordChange = z
  .strictObject({ currentPassword: z.string().max(200), newPassword: PasswordField })
  .openapi('PasswordChange', {
    example: { currentPassword: 'correct horse battery', newPassword: 'staple correct horse' },
  });
const putPasswordRoute = defineRoute({
  method: 'put',
  path: '/api/account/password',
  operationId: 'changePassword',
  tags,
  audience,
  refusals: ['wrong-password', 'too-many-attempts', 'busy'],
  summary: 'Change the password; this session gets a new cookie, other devices are signed out',
  request: { headers, body: jsonBody(PasswordChange) },
  responses: { 204: nothing },
});

const exportRoute = defineRoute({
  method: 'get',
  path: '/api/account/export',
  operationId: 'exportAccount',
  tags,
  audience,
  refusals: ['second-factor-needed', 'password-needed'],
  summary: 'Everything that the shop keeps of you',
  responses: {
    200: jsonAnswer('Account, sessions, cart, orders, and all records', AccountExportSchema, [
      'Content-Disposition',
    ]),
  },
});

export function ownAccountApi(own: AccountDeps): OpenAPIHono<AppEnv> {
  const { deps } = own;
  const api = createApi();
  api.openapi(getRoute, async (c) => {
    const account = await requireAccount(deps, c);
    return c.json(await readOwn(deps, c, (db) => readAccount({ db }, account)), 200);
  });
  api.openapi(patchRoute, async (c) => {
    const account = await requireAccount(deps, c);
    const key = c.req.valid('header')['idempotency-key'];
    return c.json(await updateAccount(deps, account, c.req.valid('json'), key), 200);
  });
  api.openapi(deleteRoute, async (c) => {
    const { account } = await readVisitor(deps, c);
    const requestOrigin = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    setCookies(c, await leaveForGood(own, requestOrigin, account));
    return c.body(null, 204);
  });
  api.openapi(putPasswordRoute, async (c) => {
    const { account } = await readVisitor(deps, c);
    const requestOrigin = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    setCookies(c, await changePassword(own, account, requestOrigin, c.req.valid('json')));
    return c.body(null, 204);
  });
  api.openapi(exportRoute, async (c) => {
    const account = await requireAccount(deps, c);
    requireFreshProof(account, deps.now());
    deps.log.info({ security: 'export', account: account.id }, 'security');
    c.header('Content-Disposition', 'attachment; filename="myclothes-account.json"');
    return c.json(await exportAccount(deps, account), 200);
  });
  return api;
}

async function exportAccount(deps: Deps, account: SignedIn): Promise<z.infer<typeof AccountExportSchema>> {
  const person = await readPersonOfAccount(deps.db, account.id);
  if (person === undefined) throw sessionEnded();
  const [own, sessions, cart, orders, records] = await Promise.all([
    readAccount(deps, account),
    listSessions(deps, account),
    readAccountCartLines(deps.db, account.id),
    exportOrders(deps.db, person.orderIds),
    exportPerson(deps.db, person),
  ]);
  return { exportedAt: new Date(deps.now()).toISOString(), account: own, sessions, cart, orders, records };
}
