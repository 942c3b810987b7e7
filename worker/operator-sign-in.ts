// Signs operators in to the dashboard: by password, and by code or passkey where they have second factors.
// Programs use HTTP Basic where none is set up. Sessions are rows, so that all workers see their end.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { networkOf } from '../http/client-address.ts';
import { readKnownDevice, rememberDevice } from '../origin/account/known-device.ts';
import { findOperator, hasOperatorFactors } from '../origin/account/operator-factors.ts';
import {
  type OperatorProof,
  offersPasskeys,
  operatorEntryOptions,
  takeOperatorProof,
} from '../origin/account/operator-passkeys.ts';
import {
  endOperatorSessions,
  insertOperatorSession,
  type OperatorSession,
  operatorIdleMinutes,
  operatorLongestHours,
  readOperatorSession,
} from '../origin/account/operator-sessions.ts';
import type { RateLimits } from '../origin/account/rate-limits.ts';
import { undefinedIfWrong } from '../origin/account/second-factor.ts';
import { openSecret, sealSecret } from '../origin/account/totp.ts';
import type { Settings } from '../origin/config.ts';
import { unavailable } from '../origin/errors.ts';
import { hashToken, makeToken } from '../origin/identity/session.ts';
import type { Db } from '../origin/schema.ts';
import {
  clearCookie,
  readSignedCookie,
  serializeCookie,
  signCookie,
} from '../origin/web/request/signed-cookies.ts';

const cookieName = '__Host-operator';
/** Name of all operators in the limits of attempts and in the device cookie, because they share one password. */
const operatorAccount = 'operator';
/** Name of an operator who gave none. */
const nobody = 'operator';
const mostNameLength = 60;

export interface OperatorSignInOptions {
  settings: Pick<Settings, 'operatorPassword' | 'cookieKeys' | 'staffSecondFactor' | 'workerUrl'>;
  db: Db;
  limits: Pick<RateLimits, 'tryOperator' | 'tryCode'>;
  now: () => number;
  log?: Pick<Logger, 'info' | 'warn'> | undefined;
}

/** A request of an operator, with its address. */
export interface OperatorRequest {
  request: Request;
  address: string;
}

export interface SignInForm {
  password?: string;
  name?: string;
  /** Ticket of the second step, in place of the password. */
  ticket?: string;
  code?: string;
  /** Answer of a passkey, in place of the code. */
  passkey?: string;
}

export type Entered =
  | { setCookies: string[] }
  /** The password was right, and a code or passkey is needed as well. */
  | SecondStep
  | 'wrong-password';

export interface SecondStep {
  ticket: string;
  /** Proof that was refused. */
  wrong: 'code' | 'passkey' | undefined;
  /** Options for the browser; undefined where the name has no passkey, or passkeys do not work at this address. */
  passkey: object | undefined;
}

/** Programs with the password have no session. */
export interface SignedInOperator {
  name: string;
  session: OperatorSession | undefined;
}

export class OperatorSignIn {
  readonly #options: OperatorSignInOptions;
  /** Mark of the password. Tokens are hashed with it, so that a new password ends all sessions. */
  readonly #mark: string;
  readonly #programs: ProgramCheck;
  readonly #seen = new RecentlySeen();

  constructor(options: OperatorSignInOptions) {
    this.#options = options;
    this.#mark = digest(options.settings.operatorPassword ?? '')
      .toString('base64url')
      .slice(0, 16);
    this.#programs = new ProgramCheck(options);
  }

  /** @throws Refusal 429 `too-many-attempts`, 503 `unavailable` where Postgres cannot tell */
  async whoIs(from: OperatorRequest): Promise<SignedInOperator | undefined> {
    if (this.#options.settings.operatorPassword === undefined) return undefined;
    const basic = readBasic(from.request.headers.get('Authorization'));
    if (basic !== undefined)
      return (await this.#programs.mayEnter(from, basic)) ? { name: nobody, session: undefined } : undefined;
    const id = this.#sessionId(from.request);
    if (id === undefined) return undefined;
    // Automatic renewals of an open page do not count as use of the session.
    const isUse = from.request.headers.get('Operator-Renewal') === null;
    const { db } = this.#options;
    const session = await readOperatorSession(db, id, { isUse }).then(
      (found) => this.#seen.keep(id, found),
      (cause: unknown) => this.#seen.find(id, cause),
    );
    return session && { name: session.name, session };
  }

  /** Takes one step of the sign-in form. @throws Refusal 429 `too-many-attempts` */
  async enter(from: OperatorRequest, form: SignInForm): Promise<Entered> {
    const cookies = from.request.headers.get('Cookie') ?? undefined;
    const device = readKnownDevice(this.#options.settings, cookies, operatorAccount);
    if (form.ticket !== undefined && form.ticket !== '')
      return this.#enterByTicket(from, { ticket: form.ticket, proof: proofOf(form) }, device);
    const { limits, db } = this.#options;
    const right = await limits.tryOperator({ address: from.address, device }, async () =>
      isPassword(this.#options.settings, form.password ?? '') ? true : undefined,
    );
    if (right === undefined) {
      this.#warn({ security: 'operator-sign-in-failed' }, from);
      return 'wrong-password';
    }
    const name = (form.name ?? '').trim().slice(0, mostNameLength) || nobody;
    if (!(await hasOperatorFactors(db))) return { setCookies: await this.begin(from, name, null) };
    const ticket = this.#makeTicket(from.request, name);
    if (!form.code) return this.#askForFactor(from, name, { ticket, wrong: undefined });
    return this.#enterByTicket(from, { ticket, proof: proofOf(form) }, device);
  }

  async #enterByTicket(
    from: OperatorRequest,
    { ticket, proof }: { ticket: string; proof: OperatorProof },
    device: string | undefined,
  ): Promise<Entered> {
    const { limits, db, now } = this.#options;
    const name = this.#readTicket(from.request, ticket);
    if (name === undefined) return 'wrong-password';
    const guesser = device ?? `operator ${name.toLowerCase()}`;
    const right = await limits.tryCode(guesser, () =>
      db
        .transaction()
        .execute(async (tx) => ((await takeOperatorProof(this.#options, tx, name, proof)) ? true : undefined))
        .catch(undefinedIfWrong),
    );
    if (right === undefined) {
      const isCode = proof.passkey === '';
      this.#warn(
        isCode ? { security: 'operator-code-failed' } : { security: 'operator-passkey-failed' },
        from,
      );
      return this.#askForFactor(from, name, { ticket, wrong: isCode ? 'code' : 'passkey' });
    }
    return { setCookies: await this.begin(from, name, new Date(now())) };
  }

  async #askForFactor(
    { request }: OperatorRequest,
    name: string,
    step: Pick<SecondStep, 'ticket' | 'wrong'>,
  ): Promise<SecondStep> {
    const isOffered = offersPasskeys(this.#options.settings, request);
    const passkey = isOffered ? await operatorEntryOptions(this.#options, name) : undefined;
    return { ...step, passkey };
  }

  /** Begins a session and ends the browser's former one. @returns cookies to set */
  async begin({ request, address }: OperatorRequest, given: string, verifiedAt: Date | null) {
    const { settings, db, log } = this.#options;
    const name = (await findOperator(db, given))?.name ?? given;
    const token = makeToken(settings.cookieKeys, undefined);
    const former = this.#sessionId(request);
    const device = (request.headers.get('User-Agent') ?? '').toWellFormed();
    await db.transaction().execute(async (tx) => {
      if (former !== undefined) await endOperatorSessions(tx, { id: former });
      await insertOperatorSession(tx, { tokenHash: this.#hash(token), name, device, address, verifiedAt });
    });
    log?.info(
      {
        security: 'operator-sign-in',
        operator: name,
        network: networkOf(address),
        factor: verifiedAt !== null,
      },
      'security',
    );
    const cookies = request.headers.get('Cookie') ?? undefined;
    return [
      serializeCookie(cookieName, signCookie(settings.cookieKeys, cookieName, token), {
        maxAgeSeconds: operatorLongestHours * 3_600,
      }),
      rememberDevice(settings, cookies, operatorAccount),
    ];
  }

  /** Signs out. @returns the cookie to set */
  async leave({ request, address }: OperatorRequest): Promise<string> {
    const id = this.#sessionId(request);
    if (id !== undefined) {
      this.#seen.keep(id, undefined);
      const [operator] = await endOperatorSessions(this.#options.db, { id });
      const line = { security: 'operator-sign-out', operator, network: networkOf(address) };
      if (operator !== undefined) this.#options.log?.info(line, 'security');
    }
    return clearCookie(cookieName);
  }

  #sessionId(request: Request): string | undefined {
    const { cookieKeys } = this.#options.settings;
    const token = readSignedCookie(cookieKeys, request.headers.get('Cookie') ?? undefined, cookieName);
    return token === undefined ? undefined : this.#hash(token);
  }

  #hash(token: string): string {
    return hashToken(`${token}~${this.#mark}`);
  }

  #makeTicket(request: Request, name: string): string {
    const { settings, now } = this.#options;
    const text = JSON.stringify([name, this.#mark, now() + ticketMs, holderOf(request)]);
    return sealSecret(settings.cookieKeys, ticketPurpose, text);
  }

  /** @returns the name that was given; undefined for a ticket that is too old or another browser's */
  #readTicket(request: Request, ticket: string): string | undefined {
    const { settings, now } = this.#options;
    const [name, mark, untilMs, holder] = JSON.parse(
      openSecret(settings.cookieKeys, ticketPurpose, ticket) ?? '[]',
    ) as [string?, string?, number?, string?];
    const isGood = mark === this.#mark && untilMs! > now() && holder === holderOf(request);
    return isGood ? name : undefined;
  }

  #warn(line: { security: string }, { address }: OperatorRequest): void {
    this.#options.log?.warn({ ...line, network: networkOf(address) }, 'security');
  }
}

function proofOf({ code = '', passkey = '' }: SignInForm): OperatorProof {
  return { code, passkey };
}

/** A ticket proves that the password was right at most five minutes ago. */
const ticketPurpose = 'operator ticket';
const ticketMs = 300_000;

function holderOf(request: Request): string {
  return hashToken(request.headers.get('User-Agent') ?? '');
}

const mostNetworks = 1_000;

/**
 * Checks programs, which send the password with each request. Wrong passwords are counted. A network that sent the
 * right one before has its own count, so that strangers cannot lock it out. No program gets in where operators have
 * second factors.
 */
class ProgramCheck {
  readonly #options: OperatorSignInOptions;
  readonly #known = new Set<string>();
  #neededFactor: boolean | undefined;

  constructor(options: OperatorSignInOptions) {
    this.#options = options;
  }

  async mayEnter(from: OperatorRequest, basic: { name: string; password: string }): Promise<boolean> {
    const { limits, settings, log } = this.#options;
    const network = networkOf(from.address);
    const device = this.#known.has(network) ? `basic ${network}` : undefined;
    const isRight = async () =>
      basic.name === nobody && isPassword(settings, basic.password) ? true : undefined;
    if ((await limits.tryOperator({ address: from.address, device }, isRight)) === undefined) {
      log?.warn({ security: 'operator-sign-in-failed', network }, 'security');
      return false;
    }
    if (this.#known.size < mostNetworks) this.#known.add(network);
    return !(await this.#needsFactor());
  }

  /** While Postgres does not answer, its last answer counts. */
  async #needsFactor(): Promise<boolean> {
    if (this.#options.settings.staffSecondFactor) return true;
    try {
      this.#neededFactor = await hasOperatorFactors(this.#options.db);
    } catch (cause) {
      if (this.#neededFactor === undefined)
        throw unavailable('Postgres does not answer; who may enter cannot be read', cause);
    }
    return this.#neededFactor;
  }
}

/** Keeps sessions, so that working operators see the console while Postgres is unreachable and they need it most. */
class RecentlySeen {
  readonly #sessions = new Map<string, { session: OperatorSession; untilMs: number }>();

  keep(id: string, session: OperatorSession | undefined): OperatorSession | undefined {
    this.#sessions.delete(id);
    if (session === undefined) return undefined;
    if (this.#sessions.size >= mostNetworks) this.#sessions.delete(this.#sessions.keys().next().value!);
    const longestMs = Number(session.createdAt) + operatorLongestHours * 3_600_000;
    const idleMs = Number(session.lastSeenAt) + operatorIdleMinutes * 60_000;
    this.#sessions.set(id, { session, untilMs: Math.min(longestMs, idleMs) });
    return session;
  }

  /** @throws Refusal 503 `unavailable` for a session that this worker has not seen lately */
  find(id: string, cause: unknown): OperatorSession {
    const found = this.#sessions.get(id);
    if (found === undefined || found.untilMs < Date.now())
      throw unavailable('Postgres does not answer; who is signed in cannot be read', cause);
    return found.session;
  }
}

function isPassword({ operatorPassword }: Pick<Settings, 'operatorPassword'>, given: string): boolean {
  return operatorPassword !== undefined && timingSafeEqual(digest(given), digest(operatorPassword));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function readBasic(header: string | null): { name: string; password: string } | undefined {
  if (header === null || !/^basic /i.test(header)) return undefined;
  const text = Buffer.from(header.slice(6), 'base64').toString();
  const colon = text.indexOf(':');
  return { name: text.slice(0, Math.max(colon, 0)), password: text.slice(colon + 1) };
}
