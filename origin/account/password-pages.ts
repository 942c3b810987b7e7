// The pages that request a password reset and set the new password.
import { type Context, Hono } from 'hono';
import { cartRequestOf } from '../cart/api.ts';
import type { Deps } from '../deps.ts';
import type { Refusal } from '../errors.ts';
import { EmailField } from '../identity/email-field.ts';
import { readFrame } from '../identity/page-frame.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultOf,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { PasswordField } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { requestPasswordReset, resetPassword } from './reset-password.ts';
import { forgotPasswordPage, resetPasswordPage } from './views/password.ts';

export function passwordPages(own: AccountDeps): Hono<AppEnv> {
  const { deps } = own;
  return new Hono<AppEnv>()
    .get('/forgot-password', (c) => showForgot(deps, c, {}, { isSent: c.req.query('sent') === 'yes' }))
    .post('/forgot-password', async (c) => {
      const values = await readForm(c);
      const email = EmailField.safeParse((values['email'] ?? '').trim());
      if (!email.success) {
        const faults = { email: faultOf(email.error, values['email'] ?? '') };
        return showForgot(deps, c, values, { isSent: false, faults });
      }
      const asked = { key: readIdempotencyKey(values), traceparent: c.get('traceparent') };
      await requestPasswordReset(own, await cartRequestOf(deps, c), email.data, asked);
      return seeOther('/forgot-password?sent=yes');
    })
    .get('/reset-password', (c) => showReset(deps, c, c.req.query('token') ?? ''))
    .post('/reset-password', async (c) => {
      const values = await readForm(c);
      const { token = '', password = '' } = values;
      const parsed = PasswordField.safeParse(password);
      if (!parsed.success) {
        return showReset(deps, c, token, { faults: { password: faultOf(parsed.error, password) } });
      }
      try {
        const chosen = { token, password: parsed.data };
        await resetPassword(own, await cartRequestOf(deps, c), chosen, readIdempotencyKey(values));
        return seeOther('/sign-in?changed=yes');
      } catch (error) {
        return showReset(deps, c, token, { refusal: refusalToShow(error) });
      }
    });
}

async function showForgot(
  deps: Deps,
  c: Context<AppEnv>,
  values: FormValues,
  { isSent, faults = {} }: { isSent: boolean; faults?: FormFaults },
): Promise<Response> {
  const content = forgotPasswordPage({ values, faults, isSent });
  return respondPage(
    c,
    layout(
      { title: titleOf('A new password', faults['email'] !== undefined), ...(await readFrame(deps, c)) },
      content,
    ),
    {
      status: faults['email'] ? 422 : 200,
    },
  );
}

async function showReset(
  deps: Deps,
  c: Context<AppEnv>,
  token: string,
  { faults = {}, refusal }: { faults?: FormFaults; refusal?: Refusal } = {},
): Promise<Response> {
  const content = resetPasswordPage({ token, faults, refused: refusal && `${refusal.message}.` });
  const frame = await readFrame(deps, c);
  const isWrong = refusal !== undefined || faults['password'] !== undefined;
  const title = titleOf('A new password', isWrong);
  return respondPage(c, layout({ title, secretAddress: true, ...frame }, content), {
    status: refusal?.status ?? (faults['password'] ? 422 : 200),
    // The link is a secret until it is used.
    headers: { 'Referrer-Policy': 'no-referrer' },
  });
}
