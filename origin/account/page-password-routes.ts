// Asking for a new password and setting it, by forms.
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import type { AppEnv } from '../web/env.ts';
import { type FormFaults, type FormValues, faultsOf, readForm } from '../web/form.ts';
import { layout } from '../web/layout.ts';
import { respondPage, seeOther } from '../web/page-response.ts';
import { EmailField, PasswordField } from './account.ts';
import { readFrame } from './page-frame.ts';
import { forgotPasswordPage, resetPasswordPage } from './page-password.ts';
import { requestPasswordReset, resetPassword } from './reset-password.ts';

export function passwordPages(deps: Deps): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/forgot-password', (c) => showForgot(deps, c, {}, { isSent: c.req.query('sent') === 'yes' }))
    .post('/forgot-password', async (c) => {
      const values = await readForm(c);
      const email = EmailField.safeParse((values['email'] ?? '').trim());
      if (!email.success) {
        const faults = { email: Object.values(faultsOf(email.error, { form: values['email'] ?? '' }))[0]! };
        return showForgot(deps, c, values, { isSent: false, faults });
      }
      await requestPasswordReset(deps, email.data, c.get('traceparent'));
      return seeOther('/forgot-password?sent=yes');
    })
    .get('/reset-password', (c) => showReset(deps, c, c.req.query('token') ?? ''))
    .post('/reset-password', async (c) => {
      const { token = '', password = '' } = await readForm(c);
      const parsed = PasswordField.safeParse(password);
      if (!parsed.success) {
        const sentence = Object.values(faultsOf(parsed.error, { form: password }))[0]!;
        return showReset(deps, c, token, { faults: { password: sentence } });
      }
      try {
        await resetPassword(deps, token, parsed.data);
        return seeOther('/sign-in?changed=yes');
      } catch (error) {
        if (!(error instanceof Refusal) || error.status >= 500) throw error;
        return showReset(deps, c, token, { refusal: error });
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
  return respondPage(c, layout({ title: 'A new password', ...(await readFrame(deps, c)) }, content), {
    status: faults['email'] ? 422 : 200,
  });
}

async function showReset(
  deps: Deps,
  c: Context<AppEnv>,
  token: string,
  { faults = {}, refusal }: { faults?: FormFaults; refusal?: Refusal } = {},
): Promise<Response> {
  const content = resetPasswordPage({ token, faults, refused: refusal && `${refusal.message}.` });
  return respondPage(c, layout({ title: 'A new password', ...(await readFrame(deps, c)) }, content), {
    status: refusal?.status ?? (faults['password'] ? 422 : 200),
    // The link is a secret until it is used.
    headers: { 'Referrer-Policy': 'no-referrer' },
  });
}
