// The pages of sign-in, sign-up, account and password reset. A refused form is shown again with the reason beside the
// field.
import { type Context, Hono } from 'hono';
import type { Deps } from '../deps.ts';
import type { Refusal } from '../errors.ts';
import { readFrame } from '../identity/page-frame.ts';
import { requestOriginOf } from '../identity/request-origin.ts';
import { readVisitor } from '../identity/visitor.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultsOf,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import type { Html } from '../web/page/html.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { SignInSchema, SignUpSchema } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { ownAccountPages } from './own-account-pages.ts';
import { passwordPages } from './password-pages.ts';
import { type SignedInAnswer, signIn, signUp } from './sign-in.ts';
import { safeNext, signInPage, signUpPage } from './views/sign-in.ts';

export function accountPages(own: AccountDeps): Hono<AppEnv> {
  const { deps } = own;
  const pages = new Hono<AppEnv>();
  pages.route('/', ownAccountPages(own));
  pages.route('/', passwordPages(own));

  signingIn(pages, deps, {
    path: '/sign-in',
    title: 'Sign in',
    view: signInPage,
    schema: SignInSchema,
    enter: (c, values, person) => signIn(own, requestOriginOf(c, readIdempotencyKey(values)), person),
  });
  signingIn(pages, deps, {
    path: '/sign-up',
    title: 'Make an account',
    view: signUpPage,
    schema: SignUpSchema,
    enter: (c, values, person) => signUp(own, requestOriginOf(c, readIdempotencyKey(values)), person),
  });
  return pages;
}

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

function signingIn<Person>(pages: Hono<AppEnv>, deps: Deps, entrance: Entrance<Person>): void {
  const show = async (c: Context<AppEnv>, values: FormValues, faults: FormFaults = {}, refusal?: Refusal) => {
    const next = safeNext(values['next']);
    const refused = refusal && `${refusal.message}.`;
    const news =
      values['changed'] === 'yes' ? 'Your password is changed: please sign in with the new one.' : undefined;
    const content: Html = entrance.view({ values, faults, next, refused, news });
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
    const { email = '', password = '', name = '' } = values;
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
      return show(c, values, {}, refusalToShow(error));
    }
  });
}

function retryAfter(refusal: Refusal | undefined): Record<string, string> {
  return refusal?.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(refusal.retryAfterSeconds) };
}
