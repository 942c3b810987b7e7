// The operators' own page, /jobs/you: second factor, who is signed in, admitting others; and signing out.
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import {
  admitOperator,
  beginOperatorApp,
  confirmOperatorApp,
  findOperator,
  listOperators,
  type OperatorFactorDeps,
  removeOperatorApp,
  takeOperatorCode,
} from '../../origin/account/operator-factors.ts';
import {
  endOperatorSessions,
  listOperatorSessions,
  logOperatorDeed,
  previousOperatorSignIn,
} from '../../origin/account/operator-sessions.ts';
import type { RateLimits } from '../../origin/account/rate-limits.ts';
import { undefinedIfWrong, wrongCode } from '../../origin/account/second-factor.ts';
import { Refusal } from '../../origin/errors.ts';
import type {
  OperatorRequest,
  OperatorSignIn,
  OperatorSignInOptions,
  SignedInOperator,
} from '../operator-sign-in.ts';
import { readForm } from './pages.ts';
import { page } from './views/layout.ts';
import { type OwnPage, ownView } from './views/operators.ts';

interface OperatorPagesOptions extends OperatorFactorDeps {
  limits: Pick<RateLimits, 'tryCode'>;
  log: OperatorSignInOptions['log'];
  operators: OperatorSignIn;
  from: (c: Context) => OperatorRequest;
  signedIn: WeakMap<Context, SignedInOperator>;
}

type Shown = Partial<Pick<OwnPage, 'app' | 'recoveryCodes' | 'admitted'>> & {
  notice?: string;
  refusal?: Refusal;
  setCookies?: string[];
};

const formLimit = bodyLimit({ maxSize: 16_384 });

export function operatorPages(options: OperatorPagesOptions): Hono {
  const { operators, from, signedIn } = options;
  const app = new Hono();
  app.get('/jobs/you', (c) => show(options, c, signedIn.get(c)!));
  app.post('/jobs/sign-out', formLimit, async (c) => {
    c.header('Set-Cookie', await operators.leave(from(c)));
    return c.body(null, 303, { Location: '/jobs' });
  });
  app.post('/jobs/you', formLimit, async (c) => {
    const who = signedIn.get(c)!;
    const form = await readForm(c.req);
    try {
      return await show(options, c, who, await change(options, c, who, form));
    } catch (refusal) {
      if (!(refusal instanceof Refusal) || refusal.status >= 500) throw refusal;
      const isPending = form['do'] === 'confirm' && refusal.code === 'wrong-code';
      return show(options, c, who, {
        refusal,
        ...(isPending && { app: await beginOperatorApp(options, who.name) }),
      });
    }
  });
  return app;
}

/** @returns what is shown of the change. @throws Refusal */
async function change(
  options: OperatorPagesOptions,
  c: Context,
  who: SignedInOperator,
  form: Record<string, unknown>,
): Promise<Shown> {
  const { db, log, operators, from, now } = options;
  const text = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
  const { name, session } = who;
  if (session === undefined) throw new Refusal(403, 'sign-in-needed', 'This is for people, not for programs');
  const guess = <Result>(check: () => Promise<Result>) => guessCode(options, name, check);
  log?.info({ security: 'operator-access', operator: name, deed: text('do').slice(0, 20) }, 'security');
  switch (text('do')) {
    case 'begin':
      await refuseUnverified(options, who);
      return { app: await beginOperatorApp(options, name) };
    case 'confirm': {
      await refuseUnverified(options, who);
      const confirmed = { name, sessionId: session.id, code: text('code') };
      const recoveryCodes = await guess(() => confirmOperatorApp(options, confirmed));
      const setCookies = await operators.begin(from(c), name, new Date(now()));
      return { recoveryCodes, setCookies, notice: 'The second factor is on.' };
    }
    case 'remove':
      await guess(() => removeOperatorApp(options, { name, code: text('code') }));
      return { notice: 'The app is turned off.' };
    case 'end': {
      const [ended] = await endOperatorSessions(db, { id: text('session') });
      if (ended === undefined) return { notice: 'That session had ended already.' };
      await logOperatorDeed(db, { who: name, action: 'sign out', target: `operator ${ended}` });
      return { notice: `${ended} is signed out there.` };
    }
    case 'admit':
      return { admitted: await guess(() => admit(options, who, { name: text('name'), code: text('code') })) };
    default:
      throw new Refusal(422, 'invalid-body', 'This page does not know that form');
  }
}

/** With a factor of one's own, shown once more: it gives somebody a way in. */
async function admit(
  options: OperatorPagesOptions,
  who: SignedInOperator,
  { name, code }: { name: string; code: string },
): Promise<{ name: string; code: string }> {
  const { db } = options;
  const admitted = name.trim().slice(0, 60);
  if (admitted === '') throw new Refusal(422, 'invalid-body', 'Please say whom to admit');
  if (admitted.toLowerCase() === who.name.toLowerCase())
    throw new Refusal(422, 'invalid-body', 'This is your own name: turn the app off, and set it up again');
  const right = await db.transaction().execute((tx) => takeOperatorCode(options, tx, who.name, code));
  if (!right) throw wrongCode();
  return { name: admitted, code: await admitOperator(db, { by: who.name, name: admitted }) };
}

/** Who came in by the password alone takes no name that has a factor already. */
async function refuseUnverified({ db }: OperatorPagesOptions, { name, session }: SignedInOperator) {
  const known = await findOperator(db, name);
  const hasFactor =
    known !== undefined && (known.hasApp || known.passkeys > 0 || known.recoveryCodesLeft > 0);
  if (hasFactor && session?.verifiedAt === null)
    throw new Refusal(403, 'second-factor-needed', 'Sign in anew: this name has a second factor');
}

async function guessCode<Result>(
  { limits }: OperatorPagesOptions,
  name: string,
  check: () => Promise<Result>,
): Promise<Result> {
  const done = await limits.tryCode(`operator ${name.toLowerCase()}`, () =>
    check().then((result) => ({ result }), undefinedIfWrong),
  );
  if (done === undefined) throw wrongCode();
  return done.result;
}

async function show(
  options: OperatorPagesOptions,
  c: Context,
  { name, session: former }: SignedInOperator,
  { notice, refusal, setCookies = [], ...shown }: Shown = {},
): Promise<Response> {
  const { db } = options;
  const isRenewed = setCookies.length > 0;
  const session = isRenewed ? (await listOperatorSessions(db)).find((one) => one.name === name) : former;
  for (const cookie of setCookies) c.header('Set-Cookie', cookie, { append: true });
  const [previous, sessions, operators, operator] = await Promise.all([
    session && previousOperatorSignIn(db, session),
    listOperatorSessions(db),
    listOperators(db),
    findOperator(db, name),
  ]);
  const frame = {
    title: 'You',
    at: '/jobs/you',
    who: name,
    notice,
    problem: refusal && `${refusal.message}.`,
  };
  const content = ownView({ name, session, previous, sessions, operators, operator, ...shown });
  return c.html(page(frame, content), (refusal?.status ?? 200) as 200);
}
