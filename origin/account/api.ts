// The JSON API of accounts: sessions, one's own account, password resets.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { createApi } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import type { AccountDeps } from './account-deps.ts';
import { ownAccountApi } from './own-account-api.ts';
import { passwordResetApi } from './password-reset-api.ts';
import { sessionApi } from './session-api.ts';

export function accountApi(own: AccountDeps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.route('/', sessionApi(own));
  api.route('/', ownAccountApi(own));
  api.route('/', passwordResetApi(own));
  return api;
}
