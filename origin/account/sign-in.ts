// Signs up, in and out. The transaction that creates the session also merges the guest's cart.
import { networkOf } from '../../http/client-address.ts';
import type { CartMerge, CartRequest, Carts } from '../cart/carts.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { raiseAccountFloor, raiseAccountVersion } from '../identity/account-tag.ts';
import {
  endedSessionCookie,
  hashToken,
  makeToken,
  readTokenHash,
  sessionCookie,
} from '../identity/session.ts';
import { endCurrentSession, endSession, insertSession, type SignedIn } from '../identity/sessions.ts';
import { type RequestOrigin, requireFreshProof } from '../identity/visitor.ts';
import { leaveOrders, readOrderIds } from '../order/guest-orders.ts';
import { adoptGuestOrders } from '../order/read-orders.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import type { Db, Tx } from '../schema.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import { type Account, accountColumns, normaliseEmail, toAccount } from './account.ts';
import type { AccountDeps } from './account-deps.ts';
import { deleteAccount } from './change-account.ts';
import { isKeptEmail } from './change-email.ts';
import { forgetAccount, readKnownDevice, rememberDevice } from './known-device.ts';
import { findPasskeyOwner, takePasskey } from './passkeys.ts';
import { hidePassword, type PasswordUse, refuseGuessablePassword } from './passwords.ts';
import { hasSecondFactor, takeCode, undefinedIfWrong, wrongCode } from './second-factor.ts';
import { openSecret, sealSecret } from './totp.ts';

export interface SignedInAnswer {
  account: Account;
  setCookies: string[];
}

/** @throws Refusal 409 `email-taken`, 429 `too-many-attempts` */
export async function signUp(
  { deps, carts, limits, passwords }: AccountDeps,
  requestOrigin: RequestOrigin,
  person: { email: string; password: string; name: string },
): Promise<SignedInAnswer> {
  await refuseGuessablePassword(person.password, person, 'password');
  await limits.countSignUp(requestOrigin.address);
  // Hashing is expensive, so it is skipped for an e-mail that is taken. The transaction decides, because another
  // sign-up may come first.
  const isTaken =
    (await findByEmail(deps.db, person.email)) !== undefined || (await isKeptEmail(deps.db, person.email));
  const passwordHash = isTaken ? undefined : await passwords.hash(person.password, 'sign-up');
  const merge = await carts.prepareMerge({ cookieHeader: requestOrigin.cookieHeader }, undefined);
  const entered = await begin(
    deps,
    carts,
    { path: '/api/accounts', body: person, origin: requestOrigin, merge },
    async (tx) => {
      if (passwordHash === undefined) throw emailTaken();
      const row = await tx
        .insertInto('accounts')
        .values({ email: person.email, name: person.name, password_hash: passwordHash })
        .onConflict((conflict) => conflict.doNothing())
        .returning('id')
        .executeTakeFirst();
      if (row === undefined) throw emailTaken();
      return row.id;
    },
  );
  const network = networkOf(requestOrigin.address);
  deps.log.info({ security: 'sign-up', account: entered.account.id, network }, 'security');
  return entered;
}

function emailTaken(): Refusal {
  return new Refusal(409, 'email-taken', 'There is an account with this e-mail already');
}

function findByEmail(db: Db, email: string): Promise<Verified | undefined> {
  return db
    .selectFrom('accounts')
    .select(['id', 'password_hash'])
    .where((where) => where(where.fn('lower', ['email']), '=', normaliseEmail(email)))
    .executeTakeFirst();
}

interface Credentials {
  email: string;
  password: string;
  /** A code of the second factor, where the account has one. */
  code?: string | undefined;
}

/**
 * @throws Refusal 401 `wrong-credentials`, also for an unknown e-mail, `second-factor-needed`; 403 `wrong-code`; 429
 * `too-many-attempts`
 */
export async function signIn(
  own: AccountDeps,
  requestOrigin: RequestOrigin,
  credentials: Credentials,
): Promise<SignedInAnswer> {
  const { deps, limits } = own;
  const device = readKnownDevice(deps.settings, requestOrigin.cookieHeader, credentials.email);
  const from = { email: credentials.email, address: requestOrigin.address, device };
  const use = device === undefined ? 'sign-in' : 'known-device';
  const verified = await limits.trySignIn(from, () => findByCredentials(own, credentials, use));
  if (verified === undefined) {
    deps.log.warn({ security: 'sign-in-failed', network: networkOf(requestOrigin.address) }, 'security');
    throw wrongCredentials();
  }
  return enter(own, requestOrigin, verified, credentials, device);
}

/** A sign-in ticket for the page's second step. It says that the password was right at most five minutes ago. */
const ticketPurpose = 'sign-in ticket';
const ticketMs = 300_000;

/** @returns undefined where no account has the e-mail */
export async function makeSignInTicket(
  own: AccountDeps,
  requestOrigin: RequestOrigin,
  credentials: Credentials,
): Promise<string | undefined> {
  const found = await findByEmail(own.deps.db, credentials.email);
  if (found === undefined) return undefined;
  const { settings, now } = own.deps;
  const holder = hashToken(requestOrigin.device);
  const text = JSON.stringify([found.id, hashToken(found.password_hash), now() + ticketMs, holder]);
  return sealSecret(settings.cookieKeys, ticketPurpose, text);
}

/** @throws Refusal 401 `wrong-credentials` for a ticket that is too old; 403 `wrong-code`, 429 `too-many-attempts` */
export async function signInWithTicket(
  own: AccountDeps,
  requestOrigin: RequestOrigin,
  { ticket, code }: { ticket: string; code: string },
): Promise<SignedInAnswer> {
  const { settings, db, now } = own.deps;
  const [id, mark, untilMs, holder] = JSON.parse(
    openSecret(settings.cookieKeys, ticketPurpose, ticket) ?? '[]',
  ) as [string?, string?, number?, string?];
  if (id === undefined || !(untilMs! > now()) || holder !== hashToken(requestOrigin.device))
    throw wrongCredentials();
  const found = await db
    .selectFrom('accounts')
    .select(['id', 'password_hash', 'email'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (found === undefined || hashToken(found.password_hash) !== mark) throw wrongCredentials();
  const device = readKnownDevice(settings, requestOrigin.cookieHeader, found.email);
  return enter(own, requestOrigin, found, { password: ticket, code }, device);
}

/**
 * Signs in by a passkey alone. The authenticator asked for a fingerprint or PIN, so a passkey counts as two factors.
 * @throws Refusal 403 `wrong-code`, 429 `too-many-attempts`
 */
export async function signInWithPasskey(
  { deps, carts, limits }: AccountDeps,
  requestOrigin: RequestOrigin,
  passkey: string,
): Promise<SignedInAnswer> {
  const owner = await findPasskeyOwner(deps.db, passkey);
  const merge = await carts.prepareMerge({ cookieHeader: requestOrigin.cookieHeader }, owner);
  const request = { path: '/sign-in', body: { password: passkey }, origin: requestOrigin, merge };
  const go = () =>
    begin(deps, carts, request, async (tx) => {
      await tx.selectFrom('accounts').select('id').where('id', '=', owner!).forNoKeyUpdate().execute();
      const id = await takePasskey(deps, tx, passkey);
      // The cart was prepared for the owner that was read before.
      if (id !== owner) throw wrongCode();
      return id;
    });
  // Nobody can guess a signature, so only the address is limited.
  const from = { email: `passkey of ${requestOrigin.address}`, address: requestOrigin.address };
  const entered = await limits.trySignIn(from, async () =>
    owner === undefined ? undefined : go().catch(undefinedIfWrong),
  );
  if (entered === undefined) {
    deps.log.warn({ security: 'sign-in-failed', network: networkOf(requestOrigin.address) }, 'security');
    throw new Refusal(
      403,
      'wrong-code',
      'This passkey is not known here, or its answer is too old: try once more',
    );
  }
  noteSignIn(deps, requestOrigin, entered.account.id);
  return entered;
}

function noteSignIn({ log }: Deps, { address }: RequestOrigin, account: string): void {
  log.info({ security: 'sign-in', account, network: networkOf(address) }, 'security');
}

/** The password was right. Asks for a code where the account has a second factor, then begins the session. */
async function enter(
  own: AccountDeps,
  requestOrigin: RequestOrigin,
  verified: Verified,
  body: Omit<Credentials, 'email'>,
  device: string | undefined,
): Promise<SignedInAnswer> {
  const { deps, carts, limits } = own;
  const merge = await carts.prepareMerge({ cookieHeader: requestOrigin.cookieHeader }, verified.id);
  const request = { path: '/api/sessions', body, origin: requestOrigin, merge };
  const go = () =>
    begin(deps, carts, request, async (tx) => {
      const id = await lockVerified(tx, verified);
      if (!(await hasSecondFactor(tx, id))) return id;
      if (body.code === undefined)
        throw new Refusal(401, 'second-factor-needed', 'Please enter the code of your second factor, too');
      if (!(await takeCode(own, tx, id, body.code))) throw wrongCode();
      return id;
    });
  const entered =
    body.code === undefined
      ? await go()
      : await limits.tryCode(device ?? verified.id, () => go().catch(undefinedIfWrong));
  if (entered === undefined) throw wrongCode();
  noteSignIn(deps, requestOrigin, verified.id);
  return entered;
}

function wrongCredentials(): Refusal {
  return new Refusal(401, 'wrong-credentials', 'E-mail and password do not fit together');
}

interface Verified {
  id: string;
  password_hash: string;
}

/**
 * Locks the account and checks that its password is still the verified one. A change during the verification ended
 * all other sessions, and the account may have been deleted.
 * @throws Refusal 401 `wrong-credentials`
 */
async function lockVerified(tx: Tx, { id, password_hash }: Verified): Promise<string> {
  const still = await tx
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', id)
    .where('password_hash', '=', password_hash)
    // The session takes an equally strong lock afterwards. Two concurrent sign-ins therefore cannot deadlock.
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (still === undefined) throw wrongCredentials();
  return id;
}

async function findByCredentials(
  { deps, passwords }: AccountDeps,
  { email, password }: { email: string; password: string },
  use: PasswordUse,
): Promise<Verified | undefined> {
  const found = await findByEmail(deps.db, email);
  return (await passwords.matches(found?.password_hash, password, use)) ? found : undefined;
}

/** The request that begins a session. */
interface SessionRequest {
  path: string;
  body: { password: string };
  origin: RequestOrigin;
  merge: CartMerge;
}

async function begin(
  deps: Deps,
  carts: Carts,
  { origin: requestOrigin, merge, ...request }: SessionRequest,
  findAccount: (tx: Tx) => Promise<string>,
): Promise<SignedInAnswer> {
  const former = readTokenHash(deps.settings, requestOrigin.cookieHeader);
  const scope = carts.scope({ cookieHeader: requestOrigin.cookieHeader }) ?? (former && `session:${former}`);
  const key = requestOrigin.idempotencyKey;
  const token = makeToken(deps.settings.cookieKeys, scope && key ? `${scope}\n${key}` : undefined);
  const body = hidePassword(deps.settings.cookieKeys, request.body);
  const write = { scope, key, method: 'POST', path: request.path, body };
  let begunNow = false;
  const { accountId } = await retryOnConflict(() => {
    // An earlier try may have been rolled back.
    begunNow = false;
    return writeOnce(deps.db, write, async (tx) => {
      begunNow = true;
      const id = await findAccount(tx);
      await merge.mergeInto(tx, id);
      const { device, address } = requestOrigin;
      await insertSession(tx, id, {
        tokenHash: hashToken(token),
        device,
        address,
        verifiedAt: new Date(deps.now()),
      });
      await adoptGuestOrders(tx, id, readOrderIds(deps.settings, requestOrigin.cookieHeader));
      return { accountId: id };
    });
  });
  await endFormerSession(deps, requestOrigin.cookieHeader, hashToken(token));
  const account = await readAccount(deps, accountId);
  const ofCart = begunNow ? await merge.afterCommit() : await merge.catchUp(accountId);
  const device = rememberDevice(deps.settings, requestOrigin.cookieHeader, account.email);
  return { account, setCookies: [sessionCookie(deps.settings, token), device, ...ofCart] };
}

/** Ends the browser's former session, so that its old token is worthless after a sign-in. */
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
  if (tags) await raiseAccountFloor(deps, tags);
}

async function readAccount({ db }: Deps, id: string): Promise<Account> {
  const row = await db.selectFrom('accounts').select(accountColumns).where('id', '=', id).executeTakeFirst();
  // The account was deleted after the first answer to the same key.
  if (row === undefined) throw new Refusal(404, 'not-found', 'This account does not exist');
  return toAccount(row);
}

/**
 * Signs out. The session ends at every origin before the answer. The cart stays with the account, and the browser's
 * is empty.
 * @returns cookies to set. @throws Refusal 422 as `endCurrentSession` does
 */
export async function signOut(
  { deps, carts }: AccountDeps,
  { cookieHeader, idempotencyKey }: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  account: SignedIn,
): Promise<string[]> {
  await endCurrentSession(deps, account, idempotencyKey);
  deps.log.info({ security: 'sign-out', account: account.id }, 'security');
  return leaveBrowser({ deps, carts }, { cookieHeader, accountId: account.id });
}

/**
 * Ends the session of a device. For the shopper's present device this is a sign-out.
 * @returns cookies to set. @throws Refusal 404 as `endSession` does
 */
export async function signOutDevice(
  { deps, carts }: AccountDeps,
  { cookieHeader, idempotencyKey }: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  account: SignedIn,
  sessionId: string,
): Promise<string[]> {
  await endSession(deps, account, sessionId, idempotencyKey);
  if (sessionId !== account.sessionId) return [];
  return leaveBrowser({ deps, carts }, { cookieHeader, accountId: account.id });
}

/**
 * Deletes the account and its cart. Needs a fresh proof of identity.
 * @returns cookies to set. @throws Refusal 401 as `deleteAccount` and `requireFreshProof` do
 */
export async function leaveForGood(
  { deps, carts }: AccountDeps,
  requestOrigin: Pick<RequestOrigin, 'cookieHeader' | 'idempotencyKey'>,
  account: SignedIn | undefined,
): Promise<string[]> {
  if (account !== undefined) requireFreshProof(account, deps.now());
  await deleteAccount(deps, account, requestOrigin);
  // The request's cookies are not passed on, because there is no account left to save a cart with.
  const device = account && forgetAccount(deps.settings, requestOrigin.cookieHeader, account.email);
  return [...(device ? [device] : []), ...(await leaveBrowser({ deps, carts }, { cookieHeader: undefined }))];
}

/** Clears the browser: its cart is empty, and it opens no orders, not even those of guests. */
async function leaveBrowser(
  { deps, carts }: Pick<AccountDeps, 'deps' | 'carts'>,
  request: CartRequest,
): Promise<string[]> {
  const left = await leaveOrders(deps, request);
  return [endedSessionCookie(), left, ...(await carts.leaveWithAccount(request))];
}
