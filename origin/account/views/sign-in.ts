// Renders sign-in, sign-up and the pages of a forgotten password.
// What was entered stays, and each fault stands beside its field.

import { assetUrl } from '../../web/assets.ts';
import {
  type FormFaults,
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';

interface SignInPage {
  values: FormValues;
  faults?: FormFaults;
  refused?: string | undefined;
  /** What has just succeeded. */
  news?: string | undefined;
  /** The path of this shop to go to afterwards. */
  next: string;
  /** Options of the passkey request, for the page's script. */
  passkey?: object | undefined;
}

const labels = { name: 'Name', email: 'E-mail', password: 'Password' };

export function signInPage({ values, faults = {}, refused, news, next, passkey }: SignInPage): Html {
  return html`<div class="narrow"><h1>Welcome back</h1>
<p class="soft">What is in your bag stays in it.</p>
${news ? notice(news, 'good') : ''}${faultSummary(labels, { faults, refused })}
<form class="fields" action="/sign-in" method="post">${idempotencyField()}${nextField(next)}
${emailField(values, faults)}
${field({ name: 'password', label: labels.password, type: 'password', autocomplete: 'current-password', fault: faults['password'], maxLength: 200 })}
<button class="button" type="submit">Sign in</button></form>
${passkeyForm({ action: '/sign-in', options: passkey, label: 'Use a passkey', content: nextField(next) })}
<p class="row"><a href="/forgot-password">Forgot your password?</a> <a href="${withNext('/sign-up', next)}">Create account</a></p></div>`;
}

/** The second step, for accounts with a second factor. */
export function codePage({
  ticket,
  next,
  refused,
  passkey,
}: {
  ticket: string;
  next: string;
  refused: string | undefined;
  passkey: object;
}): Html {
  return html`<div class="narrow"><h1>Your code</h1>
${faultSummary({}, { refused })}
<form class="fields" action="/sign-in" method="post">${idempotencyField()}${nextField(next)}<input type="hidden" name="ticket" value="${ticket}">
${field({ name: 'code', label: 'Code', autocomplete: 'one-time-code', hint: 'Six digits of your authenticator app, or one of your recovery codes.', maxLength: 40 })}
<button class="button" type="submit">Sign in</button></form>
${passkeyForm({ action: '/sign-in', options: passkey, label: 'Use a passkey', content: nextField(next) })}
<p><a href="${withNext('/sign-in', next)}">Back to sign-in</a></p></div>`;
}

interface PasskeyForm {
  action: string;
  options: object | undefined;
  label: string;
  content: Html | '';
}

/** Shown only by its script. Without one, shoppers use password and code. */
export function passkeyForm({ action, options, label, content }: PasskeyForm): Html | '' {
  if (options === undefined) return '';
  return html`<div data-passkey-place hidden><form class="fields" action="${action}" method="post" data-passkey="${JSON.stringify(options)}">${idempotencyField()}${content}<input type="hidden" name="passkey" value="">
<p role="status" class="hint"></p><button class="button quiet" type="submit">${label}</button></form>
<script type="module" src="${assetUrl('passkeys.js')}"></script></div>`;
}

export function signUpPage({ values, faults = {}, refused, next }: SignInPage): Html {
  return html`<div class="narrow"><h1>Create account</h1>
<p class="soft">It keeps your orders and brings your bag to every device. You can also check out as a guest.</p>
${faultSummary(labels, { faults, refused })}
<form class="fields" action="/sign-up" method="post">${idempotencyField()}${nextField(next)}
${field({ name: 'name', label: labels.name, autocomplete: 'name', value: values['name'], fault: faults['name'], maxLength: 100 })}
${emailField(values, faults)}
${newPasswordField('password', faults)}
<button class="button" type="submit">Create account</button></form>
<p><a href="${withNext('/sign-in', next)}">Sign in instead</a></p></div>`;
}

export function newPasswordField(name: string, faults: FormFaults, label = 'Password'): Html {
  return field({
    name,
    label,
    type: 'password',
    autocomplete: 'new-password',
    fault: faults[name],
    hint: 'At least 8 characters. A sentence is good.',
    minLength: 8,
    maxLength: 200,
  });
}

function emailField(values: FormValues, faults: FormFaults): Html {
  return field({
    name: 'email',
    label: labels.email,
    type: 'email',
    autocomplete: 'username',
    value: values['email'],
    fault: faults['email'],
    maxLength: 254,
  });
}

function nextField(next: string): Html {
  return html`<input type="hidden" name="next" value="${next}">`;
}

function withNext(path: string, next: string): string {
  return next === '/account' ? path : `${path}?${new URLSearchParams({ next })}`;
}

/** Accepts only paths of this shop, so that our link leads nobody to another site. */
export function safeNext(asked: string | undefined): string {
  return asked !== undefined && /^\/[\w/?=&%.-]{0,300}$/.test(asked) && !asked.startsWith('//')
    ? asked
    : '/account';
}

/** Renders the pages of a forgotten password. Known and unknown addresses get the same words. */
interface ForgotPage {
  values: FormValues;
  faults?: FormFaults;
  isSent: boolean;
}

export function forgotPasswordPage({ values, faults = {}, isSent }: ForgotPage): Html {
  return html`<div class="narrow"><h1>A new password</h1>
${
  isSent
    ? notice(
        'If there is an account with this address, a mail with a link is on its way. The link works once, for 30 minutes.',
        'good',
      )
    : html`${faultSummary({ email: 'E-mail' }, { faults })}<p>Tell us your e-mail address, and we send a link that sets a new password.</p>
<form class="fields" action="/forgot-password" method="post">${idempotencyField()}
${field({ name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username', value: values['email'], fault: faults['email'], maxLength: 254 })}
<button class="button" type="submit">Send the link</button></form>`
}
<p><a href="/sign-in">Back to sign-in</a></p></div>`;
}

interface ResetPage {
  /** The token of the mail's link. */
  token: string;
  faults?: FormFaults;
  refused?: string | undefined;
}

export function resetPasswordPage({ token, faults = {}, refused }: ResetPage): Html {
  return html`<div class="narrow"><h1>A new password</h1>
${faultSummary({ password: 'Password' }, { faults, refused })}
<p>It signs out every device. Then sign in with the new password.</p>
<form class="fields" action="/reset-password" method="post">${idempotencyField()}
${
  token === ''
    ? html`<div data-from-address>${field({ name: 'token', label: 'Code of the mail', autocomplete: 'off', hint: 'It stands below the link.' })}</div>`
    : html`<input type="hidden" name="token" value="${token}">`
}
${newPasswordField('password', faults)}
<button class="button" type="submit">Set the password</button></form>
<p><a href="/forgot-password">Ask for another link</a></p></div>`;
}
