// Makes WebAuthn challenges and the browser's options, and verifies what the authenticator signed.
// Accounts and operators use it for their passkeys. It requires a fingerprint or PIN each time, so a passkey counts as
// two factors.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { sql } from 'kysely';
import { Refusal } from '../errors.ts';
import { hashToken } from '../identity/session.ts';
import type { Tx } from '../schema.ts';

/** The library is loaded on first use, because most processes never need it. */
const library = () => import('@simplewebauthn/server');

const challengeMs = 600_000;
export const mostPasskeys = 20;
export const mostPasskeyName = 60;

/** The site that a passkey belongs to. */
export interface RelyingParty {
  /** Public address of the pages. The authenticator binds the passkey to its host. */
  url: string;
  name: string;
  cookieKeys: string[];
  now: () => number;
}

/** A challenge is valid only for the purpose that it was made for. */
export type Purpose = { register: string } | { registerOperator: string } | 'enter' | 'operator';

export interface Passkey {
  id: string;
  name: string;
  createdAt: Date;
  lastUsedAt: Date | null;
}

/** Columns of `passkeys` and `operator_passkeys`. */
export interface StoredPasskey<Counter = string> {
  credential_id: string;
  public_key: string;
  counter: Counter;
}

/**
 * Random bytes with the time and our signature, so that an unanswered challenge needs no storage. Postgres keeps the
 * answered ones until they expire, so that each counts once.
 */
function makeChallenge({ cookieKeys, now }: RelyingParty, purpose: Purpose): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.alloc(22);
  randomBytes(16).copy(bytes);
  bytes.writeUIntBE(now() + challengeMs, 16, 6);
  return new Uint8Array(Buffer.concat([bytes, signChallenge(cookieKeys[0]!, purpose, bytes)]));
}

function signChallenge(key: string, purpose: Purpose, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(`passkey challenge\n${JSON.stringify(purpose)}\n`)
    .update(bytes)
    .digest();
}

export function isOurChallenge(
  { cookieKeys, now }: RelyingParty,
  purpose: Purpose,
  challenge: string,
): boolean {
  const bytes = Buffer.from(challenge, 'base64url');
  if (bytes.length !== 54 || bytes.readUIntBE(16, 6) < now()) return false;
  return cookieKeys.some((key) =>
    timingSafeEqual(signChallenge(key, purpose, bytes.subarray(0, 22)), bytes.subarray(22)),
  );
}

/** @throws Refusal 403 `wrong-code` where the challenge was answered before */
export async function useChallenge(tx: Tx, challenge: string): Promise<void> {
  await sql`delete from used_challenges where used_at < now() - interval '1 hour'`.execute(tx);
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('used_challenges')
    .values({ challenge_hash: hashToken(challenge) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) throw wrongPasskey();
}

function expectedOf({ url }: RelyingParty) {
  const { origin, hostname } = new URL(url);
  return { expectedOrigin: origin, expectedRPID: hostname };
}

export function wrongPasskey(cause?: unknown): Refusal {
  const message = 'This passkey is not known here, or its answer is too old: try once more';
  return new Refusal(403, 'wrong-code', message, { cause });
}

/**
 * Returns what the page's script passes to the browser for a new passkey. @param user its `handle` is the same for
 * all passkeys of a user
 */
export async function registrationOptions(
  party: RelyingParty,
  purpose: Purpose,
  user: { handle: Buffer; name: string; displayName: string; present: Passkey[] },
): Promise<object> {
  const { generateRegistrationOptions } = await library();
  return generateRegistrationOptions({
    rpName: party.name,
    rpID: expectedOf(party).expectedRPID,
    userName: user.name,
    userDisplayName: user.displayName,
    userID: new Uint8Array(user.handle),
    challenge: makeChallenge(party, purpose),
    attestationType: 'none',
    excludeCredentials: user.present.map(({ id }) => ({ id })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
  });
}

/**
 * Returns the options for signing in or proving one's identity. They are written by hand, because the library would
 * have to be loaded for every sign-in page.
 * @param allowed ids of the acceptable passkeys; if empty, the browser offers those that it has
 */
export function entryOptions(party: RelyingParty, purpose: Purpose, allowed: string[] = []): object {
  return {
    rpId: expectedOf(party).expectedRPID,
    challenge: Buffer.from(makeChallenge(party, purpose)).toString('base64url'),
    timeout: 60_000,
    userVerification: 'required',
    ...(allowed.length > 0 && { allowCredentials: allowed.map((id) => ({ type: 'public-key', id })) }),
  };
}

/** The caller must use up the challenge. @throws Refusal 403 `wrong-code` */
export async function verifyRegistration(
  party: RelyingParty,
  purpose: Purpose,
  response: string,
): Promise<{ columns: StoredPasskey<number> & { transports: string }; challenge: string }> {
  const answer = readAnswer<RegistrationResponseJSON>(response);
  const { verifyRegistrationResponse } = await library();
  let challenge = '';
  const { registrationInfo } = await verifyRegistrationResponse({
    response: answer,
    expectedChallenge(given: string) {
      challenge = given;
      return isOurChallenge(party, purpose, given);
    },
    ...expectedOf(party),
    requireUserVerification: true,
  }).catch((cause: unknown) => {
    throw wrongPasskey(cause);
  });
  if (registrationInfo === undefined) throw wrongPasskey();
  const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
  const columns = {
    credential_id: id,
    public_key: Buffer.from(publicKey).toString('base64url'),
    counter,
    transports: transports.join(' ').slice(0, 100),
  };
  return { columns, challenge };
}

/** The caller must use up the challenge. @throws Refusal 403 `wrong-code` */
export async function verifyEntry(
  party: RelyingParty,
  purpose: Purpose,
  { stored, response }: { stored: StoredPasskey; response: string },
): Promise<{ counter: number; challenge: string }> {
  const answer = readAnswer<AuthenticationResponseJSON>(response);
  const { verifyAuthenticationResponse } = await library();
  let challenge = '';
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: answer,
    expectedChallenge(given: string) {
      challenge = given;
      return isOurChallenge(party, purpose, given);
    },
    ...expectedOf(party),
    // The library refuses a counter that does not grow, because the authenticator was copied.
    credential: {
      id: stored.credential_id,
      publicKey: new Uint8Array(Buffer.from(stored.public_key, 'base64url')),
      counter: Number(stored.counter),
    },
    requireUserVerification: true,
  }).catch((cause: unknown) => {
    throw wrongPasskey(cause);
  });
  if (!verified) throw wrongPasskey();
  return { counter: authenticationInfo.newCounter, challenge };
}

/** Reads which passkey an answer claims to be from. The library checks the rest. @throws Refusal 403 `wrong-code` */
export function readAnswer<Answer extends { id: string }>(text: string): Answer {
  try {
    const answer = JSON.parse(text) as Answer;
    if (typeof answer?.id === 'string' && answer.id.length <= 1_400 && !answer.id.includes('\0'))
      return answer;
  } catch {
    // The refusal is thrown below.
  }
  throw wrongPasskey();
}
