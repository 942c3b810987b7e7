// Sign-up, sign-in and sign-out: the session begins in the transaction that brings the guest's pieces along, and ends for every origin at once.
import { randomUUID } from 'node:crypto';
import type { CartMerge, Carts } from '../cart/carts.ts';
import { prepareSignIn, signOutCart } from '../cart/for-account.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import type { Tx } from '../postgres/database.ts';
import { writeOnce } from '../web/idempotency.ts';
import { type Account, accountColumns, toAccount } from './account.ts';
import { hidePassword } from './hide-password.ts';
import { hashPassword, isPassword } from './passwords.ts';
import { announceChange, raiseAccountVersion } from './raise-version.ts';
import type { RateLimits } from './rate-limits.ts';
import { endedSessionCookie, hashToken, makeToken, readTokenHash, sessionCookie } from './session-token.ts';
import { endSession, insertSession, type SignedIn } from './sessions.ts';

/** Where a sign-in comes from. */
export interface Arrival {
  cookieHeader: string | undefined;
  /** For rate limits. */
  address: string;
  /** User-Agent, shown in the list of devices. */
  device: string;
  idempotencyKey: string | undefined;
}

export interface SignedInAnswer {
  account: Account;
  setCookies: string[];
}

export interface AccountDeps {
  deps: Deps;
  carts: Carts;
  limits: RateLimits;
}

/** @throws Refusal 409 `email-taken`, 429 `too-many-attempts` */
export async function signUp(
  { deps, carts, limits }: AccountDeps,
  arrival: Arrival,
  person: { email: string; password: string; name: string },
): Promise<SignedInAnswer> {
  await limits.countSignUp(arrival.address);
  const passwordHash = await hashPassword(person.password);
  const merge = await prepareSignIn(carts, { cookieHeader: arrival.cookieHeader }, undefined);
  return begin(deps, carts, arrival, { path: '/api/accounts', body: person }, merge, async (tx) => {
    const row = await tx
      .insertInto('accounts')
      .values({ email: person.email, name: person.name, password_hash: passwordHash })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (row === undefined)
      throw new Refusal(409, 'email-taken', 'There is an account with this e-mail already');
    return row.id;
  });
}

/** @throws Refusal 401 `wrong-credentials`, the same for unknown e-mails; 429 `too-many-attempts` */
export async function signIn(
  { deps, carts, limits }: AccountDeps,
  arrival: Arrival,
  credentials: { email: string; password: string },
): Promise<SignedInAnswer> {
  const takeBack = await limits.attemptSignIn(credentials.email, arrival.address);
  const found = await deps.db
    .selectFrom('accounts')
    .select(['id', 'password_hash'])
    .where((where) => where(where.fn('lower', ['email']), '=', storable(credentials.email).toLowerCase()))
    .executeTakeFirst();
  const right = await isPassword(found?.password_hash, credentials.password);
  if (found === undefined || !right) {
    throw new Refusal(401, 'wrong-credentials', 'E-mail and password do not fit together');
  }
  await takeBack();
  const merge = await prepareSignIn(carts, { cookieHeader: arrival.cookieHeader }, found.id);
  return begin(
    deps,
    carts,
    arrival,
    { path: '/api/sessions', body: credentials },
    merge,
    async () => found.id,
  );
}

/** The cart stays with the account; the browser has an empty one. @returns cookies to set */
export async function signOut(
  { deps, carts }: AccountDeps,
  cookieHeader: string | undefined,
  account: SignedIn,
): Promise<string[]> {
  await endSession(deps, account.id, account.sessionId);
  const cartCookies = await signOutCart(carts, { cookieHeader, accountId: account.id });
  return [endedSessionCookie(), ...cartCookies];
}

async function begin(
  deps: Deps,
  carts: Carts,
  arrival: Arrival,
  request: { path: string; body: { password: string } },
  merge: CartMerge,
  findAccount: (tx: Tx) => Promise<string>,
): Promise<SignedInAnswer> {
  // Without a cart that its cookies name, a request is a scope of its own.
  const scope = carts.scope({ cookieHeader: arrival.cookieHeader });
  const retryOf = scope && arrival.idempotencyKey ? `${scope}\n${arrival.idempotencyKey}` : undefined;
  const token = makeToken(deps.settings.cookieKeys, retryOf);
  const write = {
    scope: scope ?? `none:${randomUUID()}`,
    key: arrival.idempotencyKey ?? randomUUID(),
    method: 'POST',
    path: request.path,
    body: hidePassword(deps.settings.cookieKeys, request.body),
  };
  const { accountId } = await writeOnce(deps.db, write, async (tx) => {
    const id = await findAccount(tx);
    await merge.mergeInto(tx, id);
    await insertSession(tx, id, hashToken(token), arrival.device);
    return { accountId: id };
  });
  await endFormerSession(deps, arrival.cookieHeader, hashToken(token));
  const account = await readAccount(deps, accountId);
  return { account, setCookies: [sessionCookie(deps.settings, token), ...(await merge.settle())] };
}

/** The token is rotated at sign-in: whoever knew the former one knows nothing now. */
async function endFormerSession(
  deps: Deps,
  cookieHeader: string | undefined,
  present: string,
): Promise<void> {
  const former = readTokenHash(deps.settings, cookieHeader);
  if (former === undefined || former === present) return;
  const tags = await deps.db.transaction().execute(async (tx) => {
    const ended = await tx
      .deleteFrom('sessions')
      .where('token_hash', '=', former)
      .returning('account_id')
      .executeTakeFirst();
    return ended && raiseAccountVersion(tx, ended.account_id);
  });
  if (tags) await announceChange(deps, tags);
}

async function readAccount({ db }: Deps, id: string): Promise<Account> {
  const row = await db.selectFrom('accounts').select(accountColumns).where('id', '=', id).executeTakeFirst();
  // Deleted since the first answer to the same key.
  if (row === undefined) throw new Refusal(404, 'not-found', 'This account does not exist');
  return toAccount(row);
}

/** What Postgres cannot hold cannot be anybody's e-mail. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed().trim();
}
