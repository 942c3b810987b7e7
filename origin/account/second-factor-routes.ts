// Routes of the second factor: the JSON API, the page that sets it up, and the page that asks for it again.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { type Context, Hono } from 'hono';
import { Refusal } from '../errors.ts';
import { readFrame, signedInField } from '../identity/page-frame.ts';
import type { SignedIn } from '../identity/sessions.ts';
import { needsProof, readVisitor, requestOriginOf, requireAccount } from '../identity/visitor.ts';
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
import { formatDay } from '../web/money.ts';
import {
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import { type Html, html } from '../web/page/html.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { setCookies } from '../web/request/signed-cookies.ts';
import type { AccountDeps } from './account-deps.ts';
import type { Passkey } from './passkey-ceremony.ts';
import {
  addPasskey,
  entryOptions,
  listPasskeys,
  passkeyOptions,
  removePasskey,
  renamePasskey,
} from './passkeys.ts';
import {
  beginSecondFactor,
  confirmSecondFactor,
  readPendingSecret,
  readSecondFactor,
  removeSecondFactor,
  type SecondFactorState,
  verifySession,
} from './second-factor.ts';
import { passkeyForm, safeNext } from './views/sign-in.ts';

const tags = ['account'];
const audience = 'account';
const path = '/api/account/second-factor';
const Code = z.string().min(1).max(40);
const CodeSchema = z.strictObject({ code: Code }).openapi('Code', { example: { code: '123456' } });
const StateSchema = z
  .object({ enabled: z.boolean(), recoveryCodesLeft: z.int() })
  .openapi('SecondFactor', { example: { enabled: true, recoveryCodesLeft: 10 } });

const getRoute = defineRoute({
  method: 'get',
  path,
  operationId: 'getSecondFactor',
  tags,
  audience,
  summary: 'Whether sign-in asks for a code, and how many recovery codes are left',
  responses: { 200: jsonAnswer('The second factor', StateSchema) },
});

const beginRoute = defineRoute({
  method: 'post',
  path,
  operationId: 'beginSecondFactor',
  tags,
  audience,
  refusals: ['wrong-password', 'too-many-attempts', 'busy', 'second-factor-set-up'],
  summary: 'Get a secret for an authenticator app (TOTP); it counts once a code of it was confirmed',
  request: {
    body: jsonBody(
      z
        .strictObject({ password: z.string().max(200) })
        .openapi('SecondFactorBegin', { example: { password: 'correct horse battery' } }),
    ),
  },
  responses: {
    201: jsonAnswer(
      'For the app',
      z
        .object({ secret: z.string(), uri: z.string() })
        .openapi('TotpSecret', { example: { secret: 'JBSWY3DPEHPK3PXP', uri: 'otpauth://totp/…' } }),
      ['Location'],
    ),
  },
});

const confirmRoute = defineRoute({
  method: 'put',
  path,
  operationId: 'confirmSecondFactor',
  tags,
  audience,
  refusals: ['wrong-code', 'too-many-attempts', 'second-factor-set-up'],
  summary: 'Confirm with a code of the app; this session gets a new cookie, other devices are signed out',
  request: { body: jsonBody(CodeSchema) },
  responses: {
    200: jsonAnswer(
      'Recovery codes, shown this once; each signs in one time without the app',
      z
        .object({ recoveryCodes: z.array(z.string()) })
        .openapi('RecoveryCodes', { example: { recoveryCodes: ['k7mp-2xqd-9c4h-wv3n'] } }),
      ['Set-Cookie'],
    ),
  },
});

const removeRoute = defineRoute({
  method: 'post',
  path: `${path}/removal`,
  operationId: 'removeSecondFactor',
  tags,
  audience,
  refusals: ['wrong-code', 'too-many-attempts'],
  summary: 'Sign in by password alone from now on; other devices are signed out',
  request: { body: jsonBody(CodeSchema) },
  responses: { 204: emptyAnswer('Done', ['Set-Cookie']) },
});

const verifyRoute = defineRoute({
  method: 'post',
  path: '/api/sessions/current/verification',
  operationId: 'verifySession',
  tags,
  audience,
  refusals: ['wrong-code', 'wrong-password', 'second-factor-needed', 'too-many-attempts', 'busy'],
  summary:
    'Show anew who it is, for ten minutes of what asks for it: refunds, roles, exports, deletion. By the code of the second factor, by the password where there is none',
  request: {
    headers,
    body: jsonBody(
      z
        .strictObject({ code: Code.optional(), password: z.string().max(200).optional() })
        .openapi('Verification', { example: { code: '123456' } }),
    ),
  },
  responses: { 204: emptyAnswer('Done') },
});

export function secondFactorApi(own: AccountDeps): OpenAPIHono<AppEnv> {
  const { deps } = own;
  const api = createApi();
  api.openapi(getRoute, async (c) => {
    const { id } = await requireAccount(deps, c);
    return c.json(await readSecondFactor(deps.db, id), 200);
  });
  api.openapi(beginRoute, async (c) => {
    const account = await requireAccount(deps, c);
    const begun = await beginSecondFactor(own, account, c.req.valid('json').password);
    c.header('Location', c.req.path);
    return c.json(begun, 201);
  });
  api.openapi(confirmRoute, async (c) => {
    const account = await requireAccount(deps, c);
    const asked = requestOriginOf(c, undefined);
    const { recoveryCodes, ...made } = await confirmSecondFactor(
      own,
      account,
      asked,
      c.req.valid('json').code,
    );
    setCookies(c, made.setCookies);
    return c.json({ recoveryCodes }, 200);
  });
  api.openapi(removeRoute, async (c) => {
    const account = await requireAccount(deps, c);
    const asked = requestOriginOf(c, undefined);
    setCookies(c, await removeSecondFactor(own, account, asked, c.req.valid('json').code));
    return c.body(null, 204);
  });
  api.openapi(verifyRoute, async (c) => {
    const account = await requireAccount(deps, c);
    const asked = requestOriginOf(c, c.req.valid('header')['idempotency-key']);
    await verifySession(own, account, asked, c.req.valid('json'));
    return c.body(null, 204);
  });
  return api;
}

export function secondFactorPages(own: AccountDeps): Hono<AppEnv> {
  const { deps } = own;
  const pages = new Hono<AppEnv>();
  const signedIn = async (c: Context<AppEnv>): Promise<SignedIn | Response> => {
    const { account } = await readVisitor(deps, c);
    return account ?? seeOther(`/sign-in?${new URLSearchParams({ next: c.req.path })}`);
  };
  const show = async (c: Context<AppEnv>, account: SignedIn, shown: Partial<SetUpPage> = {}) => {
    const content = setUpPage({
      state: await readSecondFactor(deps.db, account.id),
      pending: await readPendingSecret(own, account),
      passkeys: await listPasskeys(deps.db, account.id),
      options: await passkeyOptions(deps, account),
      ...shown,
    });
    const title = titleOf('Second factor', shown.refusal !== undefined);
    return respondPage(c, layout({ title, ...(await readFrame(deps, c)) }, content), {
      status: shown.refusal?.status ?? 200,
      setCookies: shown.setCookies ?? [],
    });
  };

  pages.get('/account/second-factor', async (c) => {
    const account = await signedIn(c);
    return account instanceof Response ? account : show(c, account);
  });
  pages.post('/account/second-factor', async (c) => {
    const values = await readForm(c);
    const account = await signedIn(c);
    if (account instanceof Response) return account;
    const asked = requestOriginOf(c, readIdempotencyKey(values));
    const { code = '', password = '' } = values;
    try {
      if (values['do'] === 'confirm')
        return await show(c, account, await confirmSecondFactor(own, account, asked, code));
      if (values['do'] === 'remove')
        return seeOther('/account/second-factor', await removeSecondFactor(own, account, asked, code));
      if (values['do'] === 'begin') await beginSecondFactor(own, account, password);
      else return await changePasskeys(own, account, values, (shown) => show(c, account, shown));
      return seeOther('/account/second-factor');
    } catch (error) {
      if (needsProof(error)) return seeOther('/verify?next=%2Faccount%2Fsecond-factor');
      return show(c, account, { refusal: refusalToShow(error) });
    }
  });
  pages.get('/verify', async (c) => {
    const account = await signedIn(c);
    if (account instanceof Response) return account;
    return showVerify(own, c, { account, next: safeNext(c.req.query('next')) });
  });
  pages.post('/verify', async (c) => {
    const values = await readForm(c);
    const account = await signedIn(c);
    if (account instanceof Response) return account;
    const next = safeNext(values['next']);
    try {
      const asked = requestOriginOf(c, readIdempotencyKey(values));
      await verifySession(own, account, asked, {
        code: values['code'],
        password: values['password'],
        passkey: values['passkey'],
      });
      return seeOther(next);
    } catch (error) {
      return showVerify(own, c, { account, next }, refusalToShow(error));
    }
  });
  return pages;
}

/** @throws Refusal */
async function changePasskeys(
  own: AccountDeps,
  account: SignedIn,
  values: FormValues,
  show: (shown: Partial<SetUpPage>) => Promise<Response>,
): Promise<Response> {
  const { name = '', id = '' } = values;
  switch (values['do']) {
    case 'add-passkey': {
      const made = await addPasskey(own, account, { name, response: values['passkey'] ?? '' });
      if (made.recoveryCodes === undefined) return seeOther('/account/second-factor', made.setCookies);
      return show({ setCookies: made.setCookies, recoveryCodes: made.recoveryCodes });
    }
    case 'rename-passkey':
      await renamePasskey(own.deps.db, account, { id, name });
      return seeOther('/account/second-factor');
    case 'remove-passkey': {
      const isMeant = values['confirm'] === 'yes';
      return seeOther('/account/second-factor', await removePasskey(own, account, { id, isMeant }));
    }
    default:
      throw new Refusal(422, 'invalid-body', 'This page does not know that form');
  }
}

async function showVerify(
  { deps }: AccountDeps,
  c: Context<AppEnv>,
  { account, next }: { account: SignedIn; next: string },
  refusal?: Refusal,
): Promise<Response> {
  const content = html`<div class="narrow"><h1>Is it you?</h1>
${faultSummary({}, { refused: refusal && `${refusal.message}.` })}
<p>Please confirm that it is you. For ten minutes you are not asked again. You then return to the page that you came from; please press its button once more.</p>
<form class="fields" action="/verify" method="post">${idempotencyField()}${signedInField()}<input type="hidden" name="next" value="${next}">
${account.hasSecondFactor ? codeField() : passwordField()}<button class="button" type="submit">Continue</button></form>
${passkeyForm({
  action: '/verify',
  options: account.hasSecondFactor ? entryOptions(deps) : undefined,
  label: 'Use a passkey',
  content: html`${signedInField()}<input type="hidden" name="next" value="${next}">`,
})}</div>`;
  const title = titleOf('Is it you?', refusal !== undefined);
  return respondPage(c, layout({ title, ...(await readFrame(deps, c)) }, content), {
    status: refusal?.status ?? 200,
  });
}

export function codeField(
  hint = 'Six digits of your authenticator app, or one of your recovery codes.',
): Html {
  return field({ name: 'code', label: 'Code', autocomplete: 'one-time-code', hint, maxLength: 40 });
}

function passwordField(): Html {
  return field({
    name: 'password',
    label: 'Your password',
    type: 'password',
    autocomplete: 'current-password',
  });
}

interface SetUpPage {
  state: SecondFactorState;
  pending: { secret: string; uri: string } | undefined;
  passkeys: Passkey[];
  /** Options for a new passkey, for the page's script. */
  options: object;
  /** Recovery codes that were just made; they are shown only now. */
  recoveryCodes?: string[];
  setCookies?: string[];
  refusal?: Refusal;
}

function setUpPage({ state, pending, passkeys, options, recoveryCodes, refusal }: SetUpPage): Html {
  return html`<div class="narrow"><h1>Second factor</h1>
${faultSummary({}, { refused: refusal && `${refusal.message}.` })}
${recoveryCodes ? recoveryPanel(recoveryCodes) : ''}
<section class="panel" aria-labelledby="app"><h2 id="app">Authenticator app</h2>
${state.enabled ? removePanel(state) : pending ? confirmPanel(pending) : beginPanel()}</section>
${passkeyPanel(passkeys, options)}
<p><a href="/account">Back to your account</a></p></div>`;
}

function form(what: string, content: Html): Html {
  return html`<form class="fields" action="/account/second-factor" method="post">${idempotencyField()}${signedInField()}<input type="hidden" name="do" value="${what}">${content}</form>`;
}

function beginPanel(): Html {
  return html`<p>Sign-in then asks for your password and for a code of an app on your phone. Whoever learns your password cannot get in with it.</p>
${form(
  'begin',
  html`${passwordField()}
<button class="button" type="submit">Set up</button>`,
)}`;
}

function confirmPanel({ secret, uri }: { secret: string; uri: string }): Html {
  return html`<ol><li>Open an authenticator app and add an account: <a href="${uri}">on this device</a>, or enter this key there:<br><code>${secret.match(/.{1,4}/g)!.join(' ')}</code></li>
<li>Enter the six digits that the app shows.</li></ol>
${form('confirm', html`${codeField('Six digits of the app.')}<button class="button" type="submit">Turn on</button>`)}`;
}

function passkeyPanel(passkeys: Passkey[], options: object): Html {
  return html`<section class="panel" aria-labelledby="passkeys"><h2 id="passkeys">Passkeys</h2>
<p>A passkey of your phone, computer or key signs you in by finger, face or PIN, without password and code.</p>
<ul class="records">${passkeys.map(
    ({ id, name, createdAt, lastUsedAt }) => html`<li><span class="grows">
${form('rename-passkey', html`<input type="hidden" name="id" value="${id}"><div class="field"><label for="name-${id}">Name of the passkey</label><input class="input" id="name-${id}" name="name" value="${name}" maxlength="60" required></div><button class="button quiet" type="submit">Rename<span class="hidden"> ${name}</span></button>`)}
<span class="soft small">Made ${formatDay(createdAt.toISOString())}, ${lastUsedAt === null ? 'not used yet' : `used ${formatDay(lastUsedAt.toISOString())}`}</span></span>
<details><summary>Remove<span class="hidden"> ${name}</span></summary>${form(
      'remove-passkey',
      html`<input type="hidden" name="id" value="${id}">
<label class="radio"><input type="checkbox" name="confirm" value="yes"><span>Also if it is my last second factor</span></label><button class="button quiet" type="submit">Remove<span class="hidden"> ${name}</span></button>`,
    )}</details></li>`,
  )}</ul>
${passkeyForm({
  action: '/account/second-factor',
  options,
  label: 'Add a passkey',
  content: html`${signedInField()}<input type="hidden" name="do" value="add-passkey">${field({ name: 'name', label: 'Name of the new passkey', autocomplete: 'off', value: 'Passkey', maxLength: 60 })}`,
})}
<noscript><p class="hint">A new passkey needs JavaScript. An authenticator app does not.</p></noscript></section>`;
}

function recoveryPanel(codes: string[]): Html {
  return html`${notice('The second factor is on. All other devices are signed out.', 'good')}
<section class="panel" aria-labelledby="recovery"><h2 id="recovery">Recovery codes</h2>
<p>Without your phone, each of these signs you in once. Keep them where your phone is not: they are not shown again.</p>
<ul class="plain">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul></section>`;
}

function removePanel({ recoveryCodesLeft }: SecondFactorState): Html {
  return html`<p>It is on: sign-in asks for a code. ${recoveryCodesLeft} recovery codes are left.</p>
<details><summary>Turn it off</summary>${form(
    'remove',
    html`${codeField()}<button class="button quiet" type="submit">Turn off</button>`,
  )}</details>`;
}
