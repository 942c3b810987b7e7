// Sessions are rows in Postgres. Copies are used for five seconds, and only at or above the account's floor.
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import { networkOf } from '../../http/client-address.ts';
import { forgetEntry } from '../cache/entry-store.ts';
import { withinMs } from '../concurrency/deadline.ts';
import type { Deps } from '../deps.ts';
import { notFound, unavailable } from '../errors.ts';
import { isSameLineage } from '../invalidation/lineage-watch.ts';
import type { DbOrTx, Tx } from '../schema.ts';
import { idPattern } from '../web/api/api.ts';
import { refuseUsedKey, writeOnce } from '../web/api/idempotency.ts';
import { accountTag, raiseAccountFloor, raiseAccountVersion } from './account-tag.ts';
import {
  idleDays,
  longestDays,
  type Session,
  type SignInTrace,
  staffIdleMinutes,
  staffLongestHours,
} from './session.ts';
import type { StaffRole } from './staff-roles.ts';

export interface SignedIn {
  sessionId: string;
  id: string;
  email: string;
  name: string;
  role: 'shopper' | 'staff';
  /** Present for staff only. */
  staffRole?: StaffRole;
  /** Whether the account requires a second factor at sign-in. */
  hasSecondFactor: boolean;
  /** When this session last showed its second factor, or its password where there is none; milliseconds since 1970. */
  verifiedAtMs: number | null;
}

/**
 * How long a copy is used while Postgres answers. Where the floor cannot be raised, ending a session waits for this
 * time.
 */
export const copySeconds = 5;
const fallbackSeconds = 86_400;
/** Bounds the wait for a Postgres that hangs, so that a cart still fits within the 3.5 s of an answer. */
const readMs = 1_500;
const tooLate = () => unavailable('Who is signed in could not be read in time; try again');

/**
 * @returns the token's account; undefined where its session has ended
 * @throws Refusal 503 where no store answers
 */
export async function readSession(
  deps: Pick<Deps, 'cache' | 'redis' | 'floors' | 'lineage' | 'log'>,
  tokenHash: string,
): Promise<SignedIn | undefined> {
  try {
    const { value, tags, outcome } = await withinMs(readMs, tooLate, () =>
      deps.cache.read<SignedIn | null>({
        key: copyKey(tokenHash),
        fill: (db) => querySession(db, tokenHash),
        ttlSeconds: copySeconds,
        l1: false,
      }),
    );
    if (outcome === 'miss' && value !== null) storeFallbackCopy(deps, tokenHash, value, tags);
    return value ?? undefined;
  } catch (error) {
    deps.log.warn({ err: error }, 'a session is read from its copy');
    return readFallbackCopy(deps, tokenHash, error);
  }
}

async function querySession(db: DbOrTx, tokenHash: string) {
  // `last_seen_at` is written at most once an hour, for staff once a minute, so that most reads do not write.
  const { rows } = await sql<SessionRow>`
    with found as (
      select s.id, s.account_id, s.last_seen_at, s.verified_at, a.role = 'staff' as "isStaff"
      from sessions s join accounts a on a.id = s.account_id
      where s.token_hash = ${tokenHash}
        and s.last_seen_at > now() - case when a.role = 'staff'
          then make_interval(mins => ${staffIdleMinutes}) else make_interval(days => ${idleDays}) end
        and s.created_at > now() - case when a.role = 'staff'
          then make_interval(hours => ${staffLongestHours}) else make_interval(days => ${longestDays}) end
    ), seen as (
      update sessions set last_seen_at = now()
      where id in (select id from found where last_seen_at < now() - case when "isStaff"
        then interval '1 minute' else interval '1 hour' end)
    )
    select found.id as "sessionId", a.id, a.email, a.name, a.role, a.version,
      coalesce(a.staff_role, case when a.role = 'staff' then 'owner' end) as "staffRole",
      (exists (select from totp_secrets t where t.account_id = a.id and t.confirmed_at is not null)
        or exists (select from passkeys p where p.account_id = a.id)) as "hasSecondFactor",
      (extract(epoch from found.verified_at) * 1000)::float8 as "verifiedAtMs"
    from found join accounts a on a.id = found.account_id`.execute(db);
  const [row] = rows;
  if (row === undefined) return { value: null, tags: {} };
  const { version, staffRole, ...found } = row;
  const value: SignedIn =
    found.role === 'staff' ? { ...found, staffRole: staffRole ?? 'viewer' } : { ...found };
  return { value, tags: { [accountTag(row.id)]: version } };
}

type SessionRow = Omit<SignedIn, 'staffRole'> & { version: number; staffRole: StaffRole | null };

interface FallbackCopy {
  /** Lineage of the database. */
  lineage?: string;
  value: SignedIn;
  tags: Record<string, number>;
}

/** Stores a copy for an outage of Postgres, so that signed-in shoppers can go on with carts and browsing. */
function storeFallbackCopy(
  { redis, lineage }: Pick<Deps, 'redis' | 'lineage'>,
  tokenHash: string,
  value: SignedIn,
  tags: FallbackCopy['tags'],
): void {
  const seconds = value.role === 'staff' ? staffIdleMinutes * 60 : fallbackSeconds;
  const copy = JSON.stringify({ lineage: lineage.known()?.value, value, tags });
  const storing = [
    redis.set(fallbackKey(tokenHash), copy, 'EX', seconds),
    redis.sadd(copiesKey(value.id), tokenHash),
    redis.expire(copiesKey(value.id), fallbackSeconds),
  ];
  for (const command of storing) command.catch(() => undefined);
}

async function readFallbackCopy(
  { redis, floors, lineage }: Pick<Deps, 'redis' | 'floors' | 'lineage'>,
  tokenHash: string,
  cause: unknown,
): Promise<SignedIn> {
  const json = await redis.get(fallbackKey(tokenHash)).catch(() => null);
  const copy = json === null ? undefined : (JSON.parse(json) as FallbackCopy);
  const verdict = copy && (await floors.check(copy.tags).catch(() => 'unreadable' as const));
  const isPresent = copy?.lineage === undefined || isSameLineage(copy.lineage, lineage.known());
  if (copy === undefined || verdict !== 'above' || !isPresent)
    throw unavailable('Who is signed in cannot be read right now', cause);
  return copy.value;
}

/**
 * Deletes the copies of an erased person, also of sessions that ended today. Copies hold e-mail address and name.
 * @throws where Redis does not answer
 */
export async function forgetSessionCopies(
  { redis, lineage }: Pick<Deps, 'redis' | 'lineage'>,
  accountId: string,
): Promise<void> {
  for (const tokenHash of await redis.smembers(copiesKey(accountId))) {
    await redis.del(fallbackKey(tokenHash));
    await forgetEntry(redis, lineage, copyKey(tokenHash));
  }
  await redis.del(copiesKey(accountId));
}

/** Key of the set of an account's session copies. */
function copiesKey(accountId: string): string {
  return `signed-in-of:{${accountId}}`;
}

function copyKey(tokenHash: string): string {
  return `signed-in:${tokenHash}`;
}

function fallbackKey(tokenHash: string): string {
  return `signed-in-kept:{${tokenHash}}`;
}

export interface NewSession {
  tokenHash: string;
  device: string;
  /** Client address; only its network is stored. */
  address: string;
  /** When the password, and the second factor if there is one, was verified. */
  verifiedAt: Date;
}

/** Inserts a session once per token. It records time, device and network of the previous sign-in. */
export async function insertSession(tx: Tx, accountId: string, begun: NewSession): Promise<void> {
  const { tokenHash, verifiedAt } = begun;
  const [device, address] = [begun.device.slice(0, 200), networkOf(begun.address)];
  const account = await tx
    .selectFrom('accounts')
    .select('last_sign_in')
    .where('id', '=', accountId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  await tx
    .insertInto('sessions')
    .values({
      account_id: accountId,
      token_hash: tokenHash,
      device,
      address,
      previous_sign_in: account?.last_sign_in ? JSON.stringify(account.last_sign_in) : null,
      verified_at: verifiedAt,
    })
    .onConflict((conflict) => conflict.column('token_hash').doNothing())
    .execute();
  const trace: SignInTrace = { at: new Date().toISOString(), device, address };
  await tx
    .updateTable('accounts')
    .set({ last_sign_in: JSON.stringify(trace) })
    .where('id', '=', accountId)
    .execute();
}

/** Gives this session a new token and ends all others. @returns tags for `raiseAccountFloor` */
export async function renewSession(tx: Tx, account: SignedIn, tokenHash: string): Promise<TagVersions> {
  await deleteSessions(tx, account.id, account.sessionId);
  await tx
    .updateTable('sessions')
    .set({ token_hash: tokenHash })
    .where('id', '=', account.sessionId)
    .where('account_id', '=', account.id)
    .execute();
  return raiseAccountVersion(tx, account.id);
}

export async function listSessions({ db }: Pick<Deps, 'db'>, current: SignedIn): Promise<Session[]> {
  const rows = await db
    .selectFrom('sessions')
    .select(['id', 'device', 'created_at', 'last_seen_at', 'previous_sign_in'])
    .where('account_id', '=', current.id)
    .orderBy('last_seen_at', 'desc')
    .limit(200)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    device: row.device,
    createdAt: row.created_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    current: row.id === current.sessionId,
    ...(row.previous_sign_in ? { previousSignIn: row.previous_sign_in } : {}),
  }));
}

/** Ends a session from the next request on, on every origin. @throws Refusal 404, also for another account's session */
export async function endSession(
  deps: Deps,
  account: SignedIn,
  sessionId: string,
  key: string | undefined,
): Promise<void> {
  const path = `/api/sessions/${sessionId}`;
  const write = { scope: `account:${account.id}`, key, method: 'DELETE', path, body: null };
  const tags = await writeOnce(deps.db, write, async (tx) => {
    if (!idPattern.test(sessionId)) throw notFound('This session');
    const { numDeletedRows } = await tx
      .deleteFrom('sessions')
      .where('id', '=', sessionId)
      .where('account_id', '=', account.id)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw notFound('This session');
    return raiseAccountVersion(tx, account.id);
  });
  await raiseAccountFloor(deps, tags);
}

/**
 * Ends this session at once. Repeating the request succeeds again.
 * @throws Refusal 422 `idempotency-key-reused` where the key was used for another write of the account
 */
export async function endCurrentSession(
  deps: Deps,
  account: SignedIn,
  key: string | undefined,
): Promise<void> {
  const tags = await deps.db.transaction().execute(async (tx) => {
    await refuseUsedKey(tx, `account:${account.id}`, key);
    await tx
      .deleteFrom('sessions')
      .where('id', '=', account.sessionId)
      .where('account_id', '=', account.id)
      .execute();
    return raiseAccountVersion(tx, account.id);
  });
  await raiseAccountFloor(deps, tags);
}

/** @param except the session that stays */
export async function deleteSessions(tx: Tx, accountId: string, except?: string): Promise<void> {
  let sessions = tx.deleteFrom('sessions').where('account_id', '=', accountId);
  if (except !== undefined) sessions = sessions.where('id', '!=', except);
  await sessions.execute();
}
