// The JSON API of accounts: sessions, one's own account, and password resets.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { cartRequestOf } from '../cart/api.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader as headers,
  jsonBody,
  z,
} from '../web/api/api.ts';
import { EmailField } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import { setCookies } from '../web/request/signed-cookies.ts';
import { PasswordField } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { emailApi } from './email-routes.ts';
import { ownAccountApi } from './own-account-api.ts';
import { requestPasswordReset, resetPassword } from './reset-password.ts';
import { secondFactorApi } from './second-factor-routes.ts';
import { sessionApi } from './session-api.ts';

export function accountApi(own: AccountDeps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.route('/', sessionApi(own));
  api.route('/', ownAccountApi(own));
  api.route('/', passwordResetApi(own));
  api.route('/', secondFactorApi(own));
  api.route('/', emailApi(own));
  return api;
}

const tags = ['account'];
const audience = 'everyone';

const requestRoute = defineRoute({
  method: 'post',
  path: '/api/password-resets',
  operationId: 'requestPasswordReset',
  tags,
  audience,
  summary: 'Ask for a link to a new password; the answer is the same whether or not there is an account',
  request: {
    headers,
    body: jsonBody(
      z
        .strictObject({ email: EmailField })
        .openapi('PasswordResetRequest', { example: { email: 'ada@example.com' } }),
    ),
  },
  responses: { 202: emptyAnswer('A mail is on its way if there is an account') },
});

const resetRoute = defineRoute({
  method: 'put',
  path: '/api/password-resets/{token}',
  operationId: 'resetPassword',
  tags,
  audience,
  refusals: ['not-found', 'busy'],
  summary: 'Choose a new password by the link’s token, once, within 30 minutes; ends all sessions',
  request: {
    headers,
    params: z.object({ token: z.string().openapi({ description: 'Of the link in the mail' }) }),
    body: jsonBody(
      z
        .strictObject({ password: PasswordField })
        .openapi('NewPassword', { example: { password: 'staple correct horse' } }),
    ),
  },
  responses: { 204: emptyAnswer('Done', ['Set-Cookie']) },
});

/** The JSON API of password resets: request a link, then set a new password with its token. */
function passwordResetApi(own: AccountDeps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.openapi(requestRoute, async (c) => {
    const key = c.req.valid('header')['idempotency-key'];
    const asked = { key, traceparent: c.get('traceparent') };
    await requestPasswordReset(own, await cartRequestOf(own.deps, c), c.req.valid('json').email, asked);
    return c.body(null, 202);
  });
  api.openapi(resetRoute, async (c) => {
    const chosen = { token: c.req.valid('param').token, password: c.req.valid('json').password };
    const key = c.req.valid('header')['idempotency-key'];
    setCookies(c, await resetPassword(own, await cartRequestOf(own.deps, c), chosen, key));
    return c.body(null, 204);
  });
  return api;
}
