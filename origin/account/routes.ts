// The JSON API of accounts and sessions.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Carts } from '../cart/carts.ts';
import type { Deps } from '../deps.ts';
import {
  createApi,
  createRoute,
  IdempotencyKeyHeader,
  jsonAnswer,
  jsonBody,
  problemAnswer,
  z,
} from '../web/api.ts';
import type { AppEnv } from '../web/env.ts';
import {
  AccountSchema,
  EmailField,
  NameField,
  PasswordField,
  SessionSchema,
  SignInSchema,
  SignUpSchema,
} from './account.ts';
import { changePassword, deleteAccount, readAccount, updateAccount } from './change-account.ts';
import { exportAccount } from './export-account.ts';
import { createRateLimits } from './rate-limits.ts';
import { requestPasswordReset, resetPassword } from './reset-password.ts';
import { endedSessionCookie } from './session-token.ts';
import { endSession, listSessions } from './sessions.ts';
import { type Arrival, type SignedInAnswer, signIn, signOut, signUp } from './sign-in.ts';
import { readVisitor, requireAccount } from './visitor.ts';

const tags = ['account'];
const headers = IdempotencyKeyHeader;
const nothing = { description: 'Done' };
const signedIn = jsonAnswer('Signed in; the session is a cookie', AccountSchema);

const signUpRoute = createRoute({
  method: 'post',
  path: '/api/accounts',
  tags,
  summary: 'Sign up; a guest’s cart comes along',
  request: { headers, body: jsonBody(SignUpSchema) },
  responses: { 201: signedIn, default: problemAnswer },
});

const signInRoute = createRoute({
  method: 'post',
  path: '/api/sessions',
  tags,
  summary: 'Sign in; a guest’s cart is added to the account’s, once',
  request: { headers, body: jsonBody(SignInSchema) },
  responses: { 201: signedIn, default: problemAnswer },
});

const signOutRoute = createRoute({
  method: 'delete',
  path: '/api/sessions/current',
  tags,
  summary: 'Sign out',
  request: { headers },
  responses: { 204: nothing, default: problemAnswer },
});

const listSessionsRoute = createRoute({
  method: 'get',
  path: '/api/sessions',
  tags,
  summary: 'The devices that are signed in',
  responses: {
    200: jsonAnswer('Newest first', z.strictObject({ items: z.array(SessionSchema) }).openapi('SessionList')),
    default: problemAnswer,
  },
});

const endSessionRoute = createRoute({
  method: 'delete',
  path: '/api/sessions/{id}',
  tags,
  summary: 'Sign a device out, at once',
  request: { headers, params: z.object({ id: z.string().max(200) }) },
  responses: { 204: nothing, default: problemAnswer },
});

const getAccountRoute = createRoute({
  method: 'get',
  path: '/api/account',
  tags,
  summary: 'The own account',
  responses: { 200: jsonAnswer('The account', AccountSchema), default: problemAnswer },
});

const patchAccountRoute = createRoute({
  method: 'patch',
  path: '/api/account',
  tags,
  summary: 'Change the own name',
  request: {
    headers,
    body: jsonBody(z.strictObject({ name: NameField.optional() }).openapi('AccountPatch')),
  },
  responses: { 200: jsonAnswer('The account', AccountSchema), default: problemAnswer },
});

const deleteAccountRoute = createRoute({
  method: 'delete',
  path: '/api/account',
  tags,
  summary: 'Delete the own account; orders stay without the person',
  request: { headers },
  responses: { 204: nothing, default: problemAnswer },
});

const putPasswordRoute = createRoute({
  method: 'put',
  path: '/api/account/password',
  tags,
  summary: 'Change the password; other devices are signed out',
  request: {
    headers,
    body: jsonBody(
      z
        .strictObject({ currentPassword: z.string().max(200), newPassword: PasswordField })
        .openapi('PasswordChange'),
    ),
  },
  responses: { 204: nothing, default: problemAnswer },
});

const exportRoute = createRoute({
  method: 'get',
  path: '/api/account/export',
  tags,
  summary: 'Everything that the shop keeps of you',
  responses: {
    200: jsonAnswer('Account, sessions, cart, orders', z.looseObject({}).openapi('AccountExport')),
    default: problemAnswer,
  },
});

const requestResetRoute = createRoute({
  method: 'post',
  path: '/api/password-resets',
  tags,
  summary: 'Ask for a link to a new password; the answer is the same whether or not there is an account',
  request: { headers, body: jsonBody(z.strictObject({ email: EmailField }).openapi('PasswordResetRequest')) },
  responses: { 202: nothing, default: problemAnswer },
});

const resetRoute = createRoute({
  method: 'put',
  path: '/api/password-resets/{token}',
  tags,
  summary: 'Choose a new password by the link’s token, once, within 30 minutes; ends all sessions',
  request: {
    headers,
    params: z.object({ token: z.string().max(200) }),
    body: jsonBody(z.strictObject({ password: PasswordField }).openapi('NewPassword')),
  },
  responses: { 204: nothing, default: problemAnswer },
});

export function accountRoutes(deps: Deps, carts: Carts): OpenAPIHono<AppEnv> {
  const api = createApi();
  const own = { deps, carts, limits: createRateLimits(deps) };

  api.openapi(signUpRoute, async (c) => {
    const answer = await signUp(own, arrivalOf(c, c.req.valid('header')), c.req.valid('json'));
    setCookies(c, answer);
    return c.json(answer.account, 201);
  });
  api.openapi(signInRoute, async (c) => {
    const answer = await signIn(own, arrivalOf(c, c.req.valid('header')), c.req.valid('json'));
    setCookies(c, answer);
    return c.json(answer.account, 201);
  });
  // Before /api/sessions/{id}: `current` is not an id. Signing out twice is signed out.
  api.openapi(signOutRoute, async (c) => {
    const { account } = await readVisitor(deps, c);
    if (account !== undefined)
      setCookies(c, { setCookies: await signOut(own, c.req.header('Cookie'), account) });
    return c.body(null, 204);
  });
  api.openapi(listSessionsRoute, async (c) => {
    const { account } = await requireAccount(deps, c);
    return c.json({ items: await listSessions(deps, account) }, 200);
  });
  api.openapi(endSessionRoute, async (c) => {
    const { account } = await requireAccount(deps, c);
    const { id } = c.req.valid('param');
    await endSession(deps, account.id, id);
    if (id === account.sessionId) setCookies(c, { setCookies: [endedSessionCookie()] });
    return c.body(null, 204);
  });
  api.openapi(getAccountRoute, async (c) => {
    const { account } = await requireAccount(deps, c);
    return c.json(await readAccount(deps, account), 200);
  });
  api.openapi(patchAccountRoute, async (c) => {
    const { account } = await requireAccount(deps, c);
    return c.json(await updateAccount(deps, account, c.req.valid('json'), keyOf(c)), 200);
  });
  api.openapi(deleteAccountRoute, async (c) => {
    const { account } = await requireAccount(deps, c);
    await deleteAccount(deps, account);
    setCookies(c, { setCookies: [endedSessionCookie()] });
    return c.body(null, 204);
  });
  api.openapi(putPasswordRoute, async (c) => {
    const { account } = await requireAccount(deps, c);
    await changePassword(deps, account, c.req.valid('json'), keyOf(c));
    return c.body(null, 204);
  });
  api.openapi(exportRoute, async (c) => {
    const { account } = await requireAccount(deps, c);
    c.header('Content-Disposition', 'attachment; filename="myclothes-account.json"');
    return c.json(await exportAccount(deps, account), 200);
  });
  api.openapi(requestResetRoute, async (c) => {
    await requestPasswordReset(deps, c.req.valid('json').email, c.get('traceparent'));
    return c.body(null, 202);
  });
  api.openapi(resetRoute, async (c) => {
    await resetPassword(deps, c.req.valid('param').token, c.req.valid('json').password);
    return c.body(null, 204);
  });
  return api;
}

/** Also for the pages. */
export function arrivalOf(c: Context<AppEnv>, given: { 'idempotency-key'?: string | undefined }): Arrival {
  return {
    cookieHeader: c.req.header('Cookie'),
    address: c.get('clientAddress'),
    device: (c.req.header('User-Agent') ?? '').toWellFormed(),
    idempotencyKey: given['idempotency-key'],
  };
}

function keyOf(c: Context<AppEnv>): string | undefined {
  return c.req.header('Idempotency-Key');
}

function setCookies(c: Context<AppEnv>, answer: Pick<SignedInAnswer, 'setCookies'>): void {
  for (const cookie of answer.setCookies) c.header('Set-Cookie', cookie, { append: true });
}
