// Renders the pages of a forgotten password. A known and an unknown address get the same words.
import {
  type FormFaults,
  type FormValues,
  faultSummary,
  field,
  idempotencyField,
  notice,
} from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import { newPasswordField } from './sign-in.ts';

export interface ForgotPage {
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

export interface ResetPage {
  /** From the mail's link. */
  token: string;
  faults?: FormFaults;
  refused?: string | undefined;
}

export function resetPasswordPage({ token, faults = {}, refused }: ResetPage): Html {
  return html`<div class="narrow"><h1>A new password</h1>
${faultSummary({ password: 'Password' }, { faults, refused })}
<p>It signs out every device. Then sign in with the new password.</p>
<form class="fields" action="/reset-password" method="post">${idempotencyField()}
<input type="hidden" name="token" value="${token}">
${newPasswordField('password', faults)}
<button class="button" type="submit">Set the password</button></form>
<p><a href="/forgot-password">Ask for another link</a></p></div>`;
}
