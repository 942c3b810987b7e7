// The JSON API of accounts: sessions, one's own account, password resets.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { createApi } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import type { AccountDeps } from './account-deps.ts';
import { ownAccountRoutes } from './own-account-routes.ts';
import { passwordResetRoutes } from './password-reset-routes.ts';
import { sessionRoutes } from './session-routes.ts';

export function accountRoutes(own: AccountDeps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.route('/', sessionRoutes(own));
  api.route('/', ownAccountRoutes(own));
  api.route('/', passwordResetRoutes(own));
  return api;
}
