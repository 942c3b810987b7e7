// The pages of sign-in, sign-up, account and password reset. A refused form is shown again with what was entered.
import { type Context, Hono } from 'hono';
import { cartRequestOf } from '../cart/api.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readFrame } from '../identity/page-frame.ts';
import { readVisitor, requestOriginOf } from '../identity/visitor.ts';
import { EmailField } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultOf,
  faultsOf,
  faultsOfRefusal,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import type { Html } from '../web/page/html.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { PasswordField, SignInSchema, SignUpSchema } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { emailPages } from './email-routes.ts';
import { ownAccountPages } from './own-account-pages.ts';
import { entryOptions } from './passkeys.ts';
import { requestPasswordReset, resetPassword } from './reset-password.ts';
import { secondFactorPages } from './second-factor-routes.ts';
import {
  makeSignInTicket,
  type SignedInAnswer,
  signIn,
  signInWithPasskey,
  signInWithTicket,
  signUp,
} from './sign-in.ts';
import {
  codePage,
  forgotPasswordPage,
  resetPasswordPage,
  safeNext,
  signInPage,
  signUpPage,
} from './views/sign-in.ts';

export function accountPages(own: AccountDeps): Hono<AppEnv> {
  const pages = new Hono<AppEnv>();
  pages.route('/', ownAccountPages(own));
  pages.route('/', secondFactorPages(own));
  pages.route('/', emailPages(own));
  pages.route('/', passwordPages(own));

  signingIn(pages, own, {
    path: '/sign-in',
    title: 'Sign in',
    view: signInPage,
    schema: SignInSchema,
    enter: (c, values, person) => signIn(own, requestOriginOf(c, readIdempotencyKey(values)), person),
  });
  signingIn(pages, own, {
    path: '/sign-up',
    title: 'Create account',
    view: signUpPage,
    schema: SignUpSchema,
    enter: (c, values, person) => signUp(own, requestOriginOf(c, readIdempotencyKey(values)), person),
  });
  return pages;
}

const newsOf: Record<string, string> = {
  yes: 'Your password is changed: please sign in with the new one.',
  email: 'Your e-mail is changed: please sign in with the new one.',
};

interface Entrance<Person> {
  path: '/sign-in' | '/sign-up';
  title: string;
  view: typeof signInPage;
  schema: { safeParse(input: unknown): Parsed<Person> };
  enter: (c: Context<AppEnv>, values: FormValues, person: Person) => Promise<SignedInAnswer>;
}
type Parsed<Person> =
  | { success: true; data: Person }
  | { success: false; error: Parameters<typeof faultsOf>[0] };

function signingIn<Person>(pages: Hono<AppEnv>, own: AccountDeps, entrance: Entrance<Person>): void {
  const { deps } = own;
  const show = async (c: Context<AppEnv>, values: FormValues, faults: FormFaults = {}, refusal?: Refusal) => {
    const next = safeNext(values['next']);
    const refused = refusal && `${refusal.message}.`;
    const news = newsOf[values['changed'] ?? ''];
    const passkey = entrance.path === '/sign-in' ? entryOptions(deps) : undefined;
    const content: Html = entrance.view({ values, faults, next, refused, news, passkey });
    const isWrong = refusal !== undefined || Object.keys(faults).length > 0;
    const title = titleOf(entrance.title, isWrong);
    return respondPage(c, layout({ title, ...(await readFrame(deps, c)) }, content), {
      status: refusal?.status ?? (Object.keys(faults).length > 0 ? 422 : 200),
      headers: retryAfter(refusal),
    });
  };

  pages.get(entrance.path, async (c) => {
    const { next = '', email = '', changed = '' } = c.req.query();
    const values = { next, email, changed };
    const { account } = await readVisitor(deps, c);
    return account === undefined ? show(c, values) : seeOther(safeNext(values.next));
  });

  pages.post(entrance.path, async (c) => {
    const values = await readForm(c);
    const { email = '', password = '', name = '', ticket = '', code = '', passkey = '' } = values;
    if (passkey !== '' && entrance.path === '/sign-in')
      return enterByPasskey(own, c, values, (refusal) => show(c, values, {}, refusal));
    if (ticket !== '' && entrance.path === '/sign-in') return enterByTicket(own, c, values, { ticket, code });
    const given =
      entrance.path === '/sign-up'
        ? { email: email.trim(), password, name }
        : { email: email.trim(), password };
    const parsed = entrance.schema.safeParse(given);
    if (!parsed.success) return show(c, values, faultsOf(parsed.error, values));
    try {
      const { setCookies } = await entrance.enter(c, values, parsed.data);
      return seeOther(safeNext(values['next']), setCookies);
    } catch (error) {
      if (error instanceof Refusal && error.code === 'second-factor-needed') {
        const origin = requestOriginOf(c, undefined);
        const made = await makeSignInTicket(own, origin, { email, password });
        if (made !== undefined) return showCode(own, c, { ticket: made, next: safeNext(values['next']) });
      }
      const faults = faultsOfRefusal(error);
      return faults === undefined ? show(c, values, {}, refusalToShow(error)) : show(c, values, faults);
    }
  });
}

/** Shows the second step of signing in: the password was right, and the code is still missing. */
async function showCode(
  { deps }: AccountDeps,
  c: Context<AppEnv>,
  { ticket, next }: { ticket: string; next: string },
  refusal?: Refusal,
): Promise<Response> {
  const passkey = entryOptions(deps);
  const content = codePage({ ticket, next, passkey, refused: refusal && `${refusal.message}.` });
  const title = titleOf('Sign in', refusal !== undefined);
  return respondPage(c, layout({ title, ...(await readFrame(deps, c)) }, content), {
    status: refusal?.status ?? 200,
    headers: retryAfter(refusal),
  });
}

async function enterByPasskey(
  own: AccountDeps,
  c: Context<AppEnv>,
  values: FormValues,
  refuse: (refusal: Refusal) => Promise<Response>,
): Promise<Response> {
  try {
    const origin = requestOriginOf(c, readIdempotencyKey(values));
    const { setCookies } = await signInWithPasskey(own, origin, values['passkey'] ?? '');
    return seeOther(safeNext(values['next']), setCookies);
  } catch (error) {
    return refuse(refusalToShow(error));
  }
}

async function enterByTicket(
  own: AccountDeps,
  c: Context<AppEnv>,
  values: FormValues,
  { ticket, code }: { ticket: string; code: string },
): Promise<Response> {
  const next = safeNext(values['next']);
  try {
    const origin = requestOriginOf(c, readIdempotencyKey(values));
    const { setCookies } = await signInWithTicket(own, origin, { ticket, code });
    return seeOther(next, setCookies);
  } catch (error) {
    const refusal = refusalToShow(error);
    if (refusal.code === 'wrong-credentials') return seeOther(`/sign-in?${new URLSearchParams({ next })}`);
    return showCode(own, c, { ticket, next }, refusal);
  }
}

function retryAfter(refusal: Refusal | undefined): Record<string, string> {
  return refusal?.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(refusal.retryAfterSeconds) };
}

/** The pages that request a password reset and set the new password. */
function passwordPages(own: AccountDeps): Hono<AppEnv> {
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
        const request = await cartRequestOf(deps, c);
        const cookies = await resetPassword(own, request, chosen, readIdempotencyKey(values));
        return seeOther('/sign-in?changed=yes', cookies);
      } catch (error) {
        const faults = faultsOfRefusal(error);
        if (faults !== undefined) return showReset(deps, c, token, { faults });
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
    // The link is secret until it is used.
    headers: { 'Referrer-Policy': 'no-referrer' },
  });
}
