// The account page and its forms. Each form's field `do` names the change.
import { type Context, Hono } from 'hono';
import { readPictures } from '../cart/pages.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readFrame, respondSignedOut, wasSignedIn } from '../identity/page-frame.ts';
import { listSessions, type SignedIn } from '../identity/sessions.ts';
import { needsProof, readVisitor, requestOriginOf } from '../identity/visitor.ts';
import { listOrdersOfAccount } from '../order/read-orders.ts';
import { EmailField } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import {
  type FormFaults,
  type FormValues,
  faultOf,
  faultsOfRefusal,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { NameField, PasswordField } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { changePassword, updateAccount } from './change-account.ts';
import { readPendingEmail, requestEmailChange, stopEmailChange } from './change-email.ts';
import { leaveForGood, signOut, signOutDevice } from './sign-in.ts';
import { accountPage } from './views/account.ts';

const doneSentences: Record<string, string> = {
  renamed: 'Saved.',
  password: 'Saved. All other devices are signed out.',
  session: 'That device is signed out.',
  'email-asked': 'Nearly done: please confirm the new e-mail by the link that we sent there, within a day.',
  'email-stopped': 'Your e-mail stays as it is.',
  email: 'Your e-mail is changed. All other devices are signed out.',
};

export function ownAccountPages(own: AccountDeps): Hono<AppEnv> {
  const { deps } = own;
  return new Hono<AppEnv>()
    .get('/account', async (c) => {
      const { account } = await readVisitor(deps, c);
      if (account === undefined) return seeOther('/sign-in');
      return show(deps, c, account, { done: doneSentences[c.req.query('done') ?? ''] });
    })
    .post('/account', async (c) => {
      const visitor = await readVisitor(deps, c);
      const values = await readForm(c);
      const { account } = visitor;
      if (account === undefined) {
        const isKept = values['do'] !== 'sign-out' && wasSignedIn(visitor, values);
        return isKept ? respondSignedOut(deps, c, values) : seeOther('/sign-in');
      }
      try {
        return await change(own, c, account, values);
      } catch (error) {
        if (needsProof(error)) return seeOther('/verify');
        if (error instanceof FormError) return show(deps, c, account, { values, faults: error.faults });
        const faults = faultsOfRefusal(error);
        if (faults !== undefined) return show(deps, c, account, { values, faults });
        return show(deps, c, account, { values, refusal: refusalToShow(error) });
      }
    });
}

/** @throws FormError where a field is wrong, Refusal where the whole change is refused */
async function change(
  own: AccountDeps,
  c: Context<AppEnv>,
  account: SignedIn,
  values: FormValues,
): Promise<Response> {
  const { deps } = own;
  const key = readIdempotencyKey(values);
  switch (values['do']) {
    case 'sign-out': {
      const cookies = await signOut(own, requestOriginOf(c, key), account);
      return seeOther('/sign-in', cookies);
    }
    case 'rename':
      await updateAccount(deps, account, { name: parseField('name', NameField, values) }, key);
      return seeOther('/account?done=renamed');
    case 'change-password': {
      const newPassword = parseField('newPassword', PasswordField, values);
      const currentPassword = values['currentPassword'] ?? '';
      const change = { currentPassword, newPassword };
      const cookies = await changePassword(own, account, requestOriginOf(c, key), change);
      return seeOther('/account?done=password', cookies);
    }
    case 'change-email': {
      const email = EmailField.safeParse((values['email'] ?? '').trim());
      if (!email.success) throw new FormError({ email: faultOf(email.error, values['email'] ?? '') });
      const asked = { email: email.data, password: values['emailPassword'] ?? '' };
      await requestEmailChange(own, account, asked, { key, traceparent: c.get('traceparent') });
      return seeOther('/account?done=email-asked');
    }
    case 'stop-email':
      await stopEmailChange(deps, account, key);
      return seeOther('/account?done=email-stopped');
    case 'end-session':
      return seeOther(
        '/account?done=session',
        await signOutDevice(own, requestOriginOf(c, key), account, values['session'] ?? ''),
      );
    case 'delete':
      if (values['confirm'] !== 'yes') throw new FormError({ confirm: 'Please say that you are sure.' });
      return seeOther('/', await leaveForGood(own, requestOriginOf(c, key), account));
    default:
      throw new Refusal(422, 'invalid-body', 'This page does not know that form');
  }
}

/** Thrown where a field of one of the page's forms is wrong. */
class FormError extends Error {
  readonly faults: FormFaults;

  constructor(faults: FormFaults) {
    super('A field of a form is wrong');
    this.faults = faults;
  }
}

function parseField(
  name: string,
  schema: typeof NameField | typeof PasswordField,
  values: FormValues,
): string {
  const text = values[name] ?? '';
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new FormError({ [name]: faultOf(parsed.error, text) });
}

/** How many of the newest orders are shown with pictures. */
const mostPictured = 20;

interface Shown {
  values?: FormValues;
  faults?: FormFaults;
  refusal?: Refusal;
  done?: string | undefined;
}

async function show(deps: Deps, c: Context<AppEnv>, account: SignedIn, shown: Shown): Promise<Response> {
  const { values, faults, refusal, done } = shown;
  const [orders, devices, pendingEmail, frame] = await Promise.all([
    readOwn(deps, c, (db) => listOrdersOfAccount(db, account.id)),
    readOwn(deps, c, (db) => listSessions({ db }, account)),
    readOwn(deps, c, (db) => readPendingEmail(db, account.id)),
    readFrame(deps, c),
  ]);
  const isWrong = faults !== undefined || refusal !== undefined;
  const shownPieces = orders.slice(0, mostPictured).flatMap(({ lines }) => lines.slice(0, 3));
  const content = accountPage({
    account,
    orders,
    variants: await readPictures(
      deps,
      shownPieces.map(({ variantId }) => variantId),
    ),
    devices,
    pendingEmail,
    done,
    ...(values ? { values } : {}),
    ...(faults ? { faults } : {}),
    refused: refusal && `${refusal.message}.`,
  });
  return respondPage(c, layout({ title: titleOf('Your account', isWrong), ...frame }, content), {
    status: refusal?.status ?? (faults ? 422 : 200),
  });
}
