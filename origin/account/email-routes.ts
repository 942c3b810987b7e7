// Routes of a changed e-mail: the JSON API, and the two pages that the mails link to.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import type { Refusal } from '../errors.ts';
import { readFrame } from '../identity/page-frame.ts';
import { readVisitor, requestOriginOf, requireAccount } from '../identity/visitor.ts';
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
import {
  type FormFaults,
  faultOf,
  faultSummary,
  faultsOfRefusal,
  field,
  idempotencyField,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import { type Html, html } from '../web/page/html.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { setCookies } from '../web/request/signed-cookies.ts';
import { PasswordField } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { confirmEmailChange, requestEmailChange, stopEmailChange, undoEmailChange } from './change-email.ts';
import { newPasswordField } from './views/sign-in.ts';

const tags = ['account'];
const Token = z.string().min(1).max(100).openapi({ description: 'Of the link in the mail' });

const requestRoute = defineRoute({
  method: 'post',
  path: '/api/account/email-changes',
  operationId: 'requestEmailChange',
  tags,
  audience: 'account',
  refusals: ['wrong-password', 'second-factor-needed', 'too-many-attempts', 'busy'],
  summary: 'Ask for another e-mail; it counts once the link that is mailed there is confirmed',
  request: {
    headers,
    body: jsonBody(
      z.strictObject({ email: EmailField, password: z.string().max(200) }).openapi('EmailChange', {
        example: { email: 'ada@example.org', password: 'correct horse battery' },
      }),
    ),
  },
  responses: { 202: emptyAnswer('Both addresses get a mail') },
});

const stopRoute = defineRoute({
  method: 'delete',
  path: '/api/account/email-changes/current',
  operationId: 'stopEmailChange',
  tags,
  audience: 'account',
  summary: 'Stop a change that is not confirmed yet',
  request: { headers },
  responses: { 204: emptyAnswer('Done') },
});

const confirmRoute = defineRoute({
  method: 'post',
  path: '/api/email-confirmations',
  operationId: 'confirmEmailChange',
  tags,
  audience: 'everyone',
  refusals: ['not-found', 'email-taken'],
  summary: 'Confirm the new e-mail by the token of its mail; this session gets a new cookie, all others end',
  request: {
    body: jsonBody(
      z
        .strictObject({ token: Token })
        .openapi('EmailConfirmation', { example: { token: 'bm90IGEgdG9rZW4' } }),
    ),
  },
  responses: { 204: emptyAnswer('Done', ['Set-Cookie']) },
});

const undoRoute = defineRoute({
  method: 'post',
  path: '/api/email-confirmations/undo',
  operationId: 'undoEmailChange',
  tags,
  audience: 'everyone',
  refusals: ['not-found', 'email-taken', 'busy'],
  summary: 'Keep the former e-mail, by the token of its mail, within seven days; ends all sessions',
  request: {
    headers,
    body: jsonBody(
      z.strictObject({ token: Token, password: PasswordField }).openapi('EmailChangeUndo', {
        example: { token: 'bm90IGEgdG9rZW4', password: 'staple correct horse' },
      }),
    ),
  },
  responses: { 204: emptyAnswer('Done', ['Set-Cookie']) },
});

export function emailApi(own: AccountDeps): OpenAPIHono<AppEnv> {
  const { deps } = own;
  const api = createApi();
  api.openapi(requestRoute, async (c) => {
    const account = await requireAccount(deps, c);
    const asked = { key: c.req.valid('header')['idempotency-key'], traceparent: c.get('traceparent') };
    await requestEmailChange(own, account, c.req.valid('json'), asked);
    return c.body(null, 202);
  });
  api.openapi(stopRoute, async (c) => {
    const account = await requireAccount(deps, c);
    await stopEmailChange(deps, account, c.req.valid('header')['idempotency-key']);
    return c.body(null, 204);
  });
  api.openapi(confirmRoute, async (c) => {
    const { account } = await readVisitor(deps, c);
    const asked = requestOriginOf(c, undefined);
    setCookies(c, await confirmEmailChange(own, account, asked, c.req.valid('json').token));
    return c.body(null, 204);
  });
  api.openapi(undoRoute, async (c) => {
    const asked = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    setCookies(c, await undoEmailChange(own, asked, c.req.valid('json')));
    return c.body(null, 204);
  });
  return api;
}

export function emailPages(own: AccountDeps): Hono<AppEnv> {
  const { deps } = own;
  return new Hono<AppEnv>()
    .get('/confirm-email', (c) => showConfirm(deps, c))
    .post('/confirm-email', async (c) => {
      const values = await readForm(c);
      try {
        const { account } = await readVisitor(deps, c);
        const asked = requestOriginOf(c, readIdempotencyKey(values));
        const cookies = await confirmEmailChange(own, account, asked, (values['token'] ?? '').trim());
        return seeOther(cookies.length > 0 ? '/account?done=email' : '/sign-in?changed=email', cookies);
      } catch (error) {
        return showConfirm(deps, c, refusalToShow(error));
      }
    })
    .get('/keep-email', (c) => showKeep(deps, c, ''))
    .post('/keep-email', async (c) => {
      const values = await readForm(c);
      const token = (values['token'] ?? '').trim();
      const password = PasswordField.safeParse(values['password'] ?? '');
      if (!password.success)
        return showKeep(deps, c, token, {
          faults: { password: faultOf(password.error, values['password'] ?? '') },
        });
      try {
        const asked = requestOriginOf(c, readIdempotencyKey(values));
        const cookies = await undoEmailChange(own, asked, { token, password: password.data });
        return seeOther('/sign-in?changed=yes', cookies);
      } catch (error) {
        const faults = faultsOfRefusal(error);
        return showKeep(
          deps,
          c,
          token,
          faults === undefined ? { refusal: refusalToShow(error) } : { faults },
        );
      }
    });
}

/** The page asks for a click, because mail programs open links by themselves. */
async function showConfirm(deps: Deps, c: Context<AppEnv>, refusal?: Refusal): Promise<Response> {
  const content = html`<div class="narrow"><h1>Your new e-mail</h1>
${faultSummary({}, { refused: refusal && `${refusal.message}.` })}
<p>Confirm your new address to sign in with it from now on. Your bag and your orders stay; your other devices are signed out.</p>
<form class="fields" action="/confirm-email" method="post">${idempotencyField()}
${tokenField()}<button class="button" type="submit">Confirm this address</button></form>
<p><a href="/account">Back to your account</a></p></div>`;
  return respondWithToken(deps, c, { title: 'Your new e-mail', content, refusal });
}

async function showKeep(
  deps: Deps,
  c: Context<AppEnv>,
  token: string,
  { faults = {}, refusal }: { faults?: FormFaults; refusal?: Refusal } = {},
): Promise<Response> {
  const refused = refusal && `${refusal.message}.`;
  const content = html`<div class="narrow"><h1>Keep your e-mail</h1>
${faultSummary({ password: 'Password' }, { faults, refused })}
<p>Somebody who knows your password asked for another e-mail. Choose a new password: your account keeps this address, and every device is signed out.</p>
<form class="fields" action="/keep-email" method="post">${idempotencyField()}
${token === '' ? tokenField() : html`<input type="hidden" name="token" value="${token}">`}
${newPasswordField('password', faults, 'New password')}
<button class="button" type="submit">Keep this address</button></form></div>`;
  return respondWithToken(deps, c, { title: 'Keep your e-mail', content, refusal, faults });
}

/** The page's script takes the token from the link's fragment. Without a script the shopper types it. */
function tokenField(): Html {
  return html`<div data-from-address>${field({ name: 'token', label: 'Code of the mail', autocomplete: 'off', hint: 'It stands below the link.' })}</div>`;
}

interface TokenPage {
  title: string;
  content: Html;
  refusal?: Refusal | undefined;
  faults?: FormFaults;
}

async function respondWithToken(
  deps: Deps,
  c: Context<AppEnv>,
  { title, content, refusal, faults = {} }: TokenPage,
): Promise<Response> {
  const hasFaults = Object.keys(faults).length > 0;
  const told = titleOf(title, refusal !== undefined || hasFaults);
  const frame = await readFrame(deps, c);
  return respondPage(c, layout({ title: told, secretAddress: true, ...frame }, content), {
    status: refusal?.status ?? (hasFaults ? 422 : 200),
    headers: { 'Referrer-Policy': 'no-referrer' },
  });
}
