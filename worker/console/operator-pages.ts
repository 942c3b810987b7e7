// The operators' own page, /jobs/you: second factors, sessions, admitting other operators, and signing out.
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import {
  admitOperator,
  beginOperatorApp,
  confirmOperatorApp,
  findOperator,
  hasFactor,
  listOperators,
  removeOperatorApp,
} from '../../origin/account/operator-factors.ts';
import {
  addOperatorPasskey,
  listOperatorPasskeys,
  markOperatorVerified,
  type OperatorPasskeyDeps,
  type OperatorProof,
  offersPasskeys,
  operatorEntryOptions,
  operatorPasskeyOptions,
  operatorProofMs,
  removeOperatorPasskey,
  takeOperatorProof,
} from '../../origin/account/operator-passkeys.ts';
import {
  endOperatorSessions,
  listOperatorSessions,
  logOperatorDeed,
  type OperatorSession,
  previousOperatorSignIn,
} from '../../origin/account/operator-sessions.ts';
import type { RateLimits } from '../../origin/account/rate-limits.ts';
import { undefinedIfWrong, wrongCode } from '../../origin/account/second-factor.ts';
import { Refusal } from '../../origin/errors.ts';
import type { Tx } from '../../origin/schema.ts';
import type {
  OperatorRequest,
  OperatorSignIn,
  OperatorSignInOptions,
  SignedInOperator,
} from '../operator-sign-in.ts';
import { readForm } from './pages.ts';
import { page } from './views/layout.ts';
import { type OwnPage, ownView } from './views/operators.ts';

interface OperatorPagesOptions extends OperatorPasskeyDeps {
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

/** @returns the result that the page shows. @throws Refusal */
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
  const proof = { code: text('code'), passkey: text('passkey') };
  const signInAnew = () => operators.begin(from(c), name, new Date(now()));
  log?.info({ security: 'operator-access', operator: name, deed: text('do').slice(0, 20) }, 'security');
  switch (text('do')) {
    case 'begin':
      await refuseUnverified(options, who);
      return { app: await beginOperatorApp(options, name) };
    case 'confirm': {
      await refuseUnverified(options, who);
      const confirmed = { name, sessionId: session.id, code: proof.code };
      const recoveryCodes = await guess(() => confirmOperatorApp(options, confirmed));
      return { recoveryCodes, setCookies: await signInAnew(), notice: 'The second factor is on.' };
    }
    case 'remove': {
      const prove = (tx: Tx) => takeOperatorProof(options, tx, name, proof);
      await guess(() => removeOperatorApp(options, { name, prove }));
      return { notice: 'The app is turned off.' };
    }
    case 'verify':
      await guess(() => verify(options, who, session.id, proof));
      return { notice: 'It is you: passkeys can be changed for ten minutes.' };
    case 'add-passkey': {
      await refuseStale(options, who);
      const added = { name, sessionId: session.id, label: text('label'), response: proof.passkey };
      const recoveryCodes = await addOperatorPasskey(options, added);
      return { recoveryCodes, setCookies: await signInAnew(), notice: 'The passkey is added.' };
    }
    case 'remove-passkey': {
      await refuseStale(options, who);
      const removed = { name, passkey: text('id'), sessionId: session.id };
      const isRemoved = await removeOperatorPasskey(options, removed);
      return { notice: isRemoved ? 'The passkey is removed.' : 'That passkey was removed already.' };
    }
    case 'end': {
      const [ended] = await endOperatorSessions(db, { id: text('session') });
      if (ended === undefined) return { notice: 'That session had ended already.' };
      await logOperatorDeed(db, { who: name, action: 'sign out', target: `operator ${ended}` });
      return { notice: `${ended} is signed out there.` };
    }
    case 'admit':
      return { admitted: await guess(() => admit(options, who, { name: text('name'), proof })) };
    default:
      throw new Refusal(422, 'invalid-body', 'This page does not know that form');
  }
}

/** Admits another operator. It requires the second factor once more, because it grants access. */
async function admit(
  options: OperatorPagesOptions,
  who: SignedInOperator,
  { name, proof }: { name: string; proof: OperatorProof },
): Promise<{ name: string; code: string }> {
  const { db } = options;
  const admitted = name.trim().slice(0, 60);
  if (admitted === '') throw new Refusal(422, 'invalid-body', 'Please say whom to admit');
  if (admitted.toLowerCase() === who.name.toLowerCase())
    throw new Refusal(422, 'invalid-body', 'This is your own name: turn the app off, and set it up again');
  const right = await db.transaction().execute((tx) => takeOperatorProof(options, tx, who.name, proof));
  if (!right) throw wrongCode();
  return { name: admitted, code: await admitOperator(db, { by: who.name, name: admitted }) };
}

async function verify(
  options: OperatorPagesOptions,
  { name }: SignedInOperator,
  sessionId: string,
  proof: OperatorProof,
): Promise<void> {
  await options.db.transaction().execute(async (tx) => {
    if (!(await takeOperatorProof(options, tx, name, proof))) throw wrongCode();
    await markOperatorVerified(options, tx, sessionId);
  });
}

async function hasFactors({ db }: OperatorPagesOptions, name: string): Promise<boolean> {
  const known = await findOperator(db, name);
  return known !== undefined && hasFactor(known);
}

/** A session by the password alone may not use a name that has a second factor. */
async function refuseUnverified(options: OperatorPagesOptions, { name, session }: SignedInOperator) {
  if (session?.verifiedAt === null && (await hasFactors(options, name)))
    throw new Refusal(403, 'second-factor-needed', 'Sign in anew: this name has a second factor');
}

/** An open session may not add a passkey for somebody else who sits down at it. */
async function refuseStale(options: OperatorPagesOptions, who: SignedInOperator) {
  await refuseUnverified(options, who);
  if (!isFresh(options, who.session) && (await hasFactors(options, who.name)))
    throw new Refusal(403, 'second-factor-needed', 'Please show your second factor once more');
}

function isFresh({ now }: OperatorPagesOptions, session: SignedInOperator['session']): boolean {
  return session?.verifiedAt != null && now() - Number(session.verifiedAt) < operatorProofMs;
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
  const sessions = await listOperatorSessions(db);
  const isSame = setCookies.length > 0 ? byName(name) : byId(former?.id);
  const session = sessions.find(isSame) ?? former;
  for (const cookie of setCookies) c.header('Set-Cookie', cookie, { append: true });
  const [previous, operators, operator, passkeys] = await Promise.all([
    session && previousOperatorSignIn(db, session),
    listOperators(db),
    findOperator(db, name),
    listOperatorPasskeys(db, name),
  ]);
  const isOffered = session !== undefined && offersPasskeys(options.settings, c.req.raw);
  const ceremonies = isOffered
    ? { entry: await operatorEntryOptions(options, name), added: await operatorPasskeyOptions(options, name) }
    : { entry: undefined, added: undefined };
  const changes = { isFresh: isFresh(options, session), passkeysAt: options.settings.workerUrl };
  const frame = {
    title: 'You',
    at: '/jobs/you',
    who: name,
    notice,
    problem: refusal && `${refusal.message}.`,
  };
  const own = { name, session, previous, sessions, operators, operator, passkeys };
  const content = ownView({ ...own, ...ceremonies, ...changes, ...shown });
  return c.html(page(frame, content), (refusal?.status ?? 200) as 200);
}

const byName = (name: string) => (one: OperatorSession) => one.name.toLowerCase() === name.toLowerCase();
const byId = (id: string | undefined) => (one: OperatorSession) => one.id === id;
