// The JSON API of sessions: sign up, sign in, sign out, and list or end the sessions of other devices.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
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
import type { ProblemCode } from '../web/api/problem-codes.ts';
import type { AppEnv } from '../web/env.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { setCookies } from '../web/request/signed-cookies.ts';
import { AccountSchema, SignInSchema, SignUpSchema } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { type SignedInAnswer, signIn, signOut, signOutDevice, signUp } from './sign-in.ts';

const tags = ['account'];
const nothing = emptyAnswer('Done', ['Set-Cookie']);
const signedIn = jsonAnswer('Signed in; the session is a cookie', AccountSchema, ['Location', 'Set-Cookie']);
// `not-found`: the account was deleted since the first answer to the same key.
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
  // Before /api/sessions/{id}: `current` is not an id. Signing out twice is signed out.
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
    // Ended in this very moment.
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
    // Nobody has no sessions: the same answer as for one that does not exist.
    if (account === undefined) throw notFound('This session');
    const requestOrigin = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    setCookies(c, await signOutDevice(own, requestOrigin, account, c.req.valid('param').id));
    return c.body(null, 204);
  });
  return api;
}
