// Defines the JSON API of accounts: sign up, sign in and out, sessions of other devices, and password resets.
// It also mounts the routes of the signed-in account, its e-mail and its second factor.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { cartRequestOf } from '../cart/api.ts';
import { notFound } from '../errors.ts';
import { endedSessionCookie, SessionListSchema, SessionSchema } from '../identity/session.ts';
import { listSessions } from '../identity/sessions.ts';
import { readVisitor, refuseEndedSession, requestOriginOf, requireAccount } from '../identity/visitor.ts';
import {
  createApi,
  defineRoute,
  emptyAnswer,
  IdempotencyKeyHeader as headers,
  Id,
  jsonAnswer,
  jsonBody,
  z,
} from '../web/api/api.ts';
import { EmailField } from '../web/api/plain-text.ts';
import type { ProblemCode } from '../web/api/problem-codes.ts';
import type { AppEnv } from '../web/env.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { setCookies } from '../web/request/signed-cookies.ts';
import { AccountSchema, PasswordField, SignInSchema, SignUpSchema } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { emailApi } from './email-routes.ts';
import { ownAccountApi } from './own-account-api.ts';
import { requestPasswordReset, resetPassword } from './reset-password.ts';
import { secondFactorApi } from './second-factor-routes.ts';
import { type SignedInAnswer, signIn, signOut, signOutDevice, signUp } from './sign-in.ts';

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

// The JSON API of sessions: sign up, sign in, sign out, and list or end the sessions of other devices.

const nothing = emptyAnswer('Done', ['Set-Cookie']);
const signedIn = jsonAnswer('Signed in; the session is a cookie', AccountSchema, ['Location', 'Set-Cookie']);
// `not-found`: the account was deleted after the first answer to the same key.
const refusals: ProblemCode[] = ['too-many-attempts', 'busy', 'not-found'];

const signUpRoute = defineRoute({
  method: 'post',
  path: '/api/accounts',
  operationId: 'signUp',
  tags,
  audience: 'everyone',
  refusals: ['email-taken', ...refusals],
  summary: 'Sign up; a guest’s cart comes along',
  request: { headers, body: jsonBody(SignUpSchema) },
  responses: { 201: signedIn },
});

const signInRoute = defineRoute({
  method: 'post',
  path: '/api/sessions',
  operationId: 'signIn',
  tags,
  audience: 'everyone',
  refusals: ['wrong-credentials', 'second-factor-needed', 'wrong-code', ...refusals],
  summary: 'Sign in; a guest’s cart is added to the account’s, once',
  request: { headers, body: jsonBody(SignInSchema) },
  responses: { 201: signedIn },
});

const signOutRoute = defineRoute({
  method: 'delete',
  path: '/api/sessions/current',
  operationId: 'signOut',
  tags,
  audience: 'everyone',
  summary: 'Sign out; who is signed out already gets the same answer',
  request: { headers },
  responses: { 204: nothing },
});

const currentSessionRoute = defineRoute({
  method: 'get',
  path: '/api/sessions/current',
  operationId: 'getCurrentSession',
  tags,
  audience: 'account',
  refusals: ['not-found'],
  summary: 'The session of this device',
  responses: { 200: jsonAnswer('The session', SessionSchema) },
});

const listSessionsRoute = defineRoute({
  method: 'get',
  path: '/api/sessions',
  operationId: 'listSessions',
  tags,
  audience: 'account',
  summary: 'The devices that are signed in',
  responses: { 200: jsonAnswer('The latest seen first', SessionListSchema) },
});

const endSessionRoute = defineRoute({
  method: 'delete',
  path: '/api/sessions/{id}',
  operationId: 'endSession',
  tags,
  audience: 'shopper',
  refusals: ['not-found'],
  summary: 'Sign a device out, at once',
  request: { headers, params: z.object({ id: Id }) },
  responses: { 204: nothing },
});

export function sessionApi(own: AccountDeps): OpenAPIHono<AppEnv> {
  const { deps } = own;
  const api = createApi();
  const welcome = (c: Context<AppEnv>, answer: SignedInAnswer, location: string) => {
    setCookies(c, answer.setCookies);
    c.header('Location', location);
    return c.json(answer.account, 201);
  };

  api.openapi(signUpRoute, async (c) => {
    const requestOrigin = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    return welcome(c, await signUp(own, requestOrigin, c.req.valid('json')), '/api/account');
  });
  api.openapi(signInRoute, async (c) => {
    const requestOrigin = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    return welcome(c, await signIn(own, requestOrigin, c.req.valid('json')), '/api/sessions/current');
  });
  // Mounted before /api/sessions/{id}, because `current` is not an id. A second sign-out gets the same answer.
  api.openapi(signOutRoute, async (c) => {
    const { account, hasEndedSession } = await readVisitor(deps, c);
    const requestOrigin = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    if (account !== undefined) setCookies(c, await signOut(own, requestOrigin, account));
    else if (hasEndedSession) setCookies(c, [endedSessionCookie()]);
    return c.body(null, 204);
  });
  api.openapi(currentSessionRoute, async (c) => {
    const account = await requireAccount(deps, c);
    const sessions = await readOwn(deps, c, (db) => listSessions({ db }, account));
    const current = sessions.find((session) => session.current);
    // The session ended at this very moment.
    if (current === undefined) throw notFound('This session');
    return c.json(current, 200);
  });
  api.openapi(listSessionsRoute, async (c) => {
    const account = await requireAccount(deps, c);
    return c.json({ items: await readOwn(deps, c, (db) => listSessions({ db }, account)) }, 200);
  });
  api.openapi(endSessionRoute, async (c) => {
    await refuseEndedSession(deps, c);
    const { account } = await readVisitor(deps, c);
    // A visitor who is not signed in has no sessions, and gets the same answer as for an unknown one.
    if (account === undefined) throw notFound('This session');
    const requestOrigin = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    setCookies(c, await signOutDevice(own, requestOrigin, account, c.req.valid('param').id));
    return c.body(null, 204);
  });
  return api;
}
