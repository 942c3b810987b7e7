// Sessions are rows in Postgres. Copies are trusted for five seconds, and only at or above the account's floor.
import { sql } from 'kysely';
import { withinMs } from '../concurrency/deadline.ts';
import type { Deps } from '../deps.ts';
import { notFound, unavailable } from '../errors.ts';
import { isSameLineage } from '../invalidation/lineage-watch.ts';
import type { DbOrTx, Tx } from '../schema.ts';
import { idPattern } from '../web/api/api.ts';
import { refuseUsedKey, writeOnce } from '../web/api/idempotency.ts';
import { accountTag, raiseAccountFloor, raiseAccountVersion } from './account-tag.ts';
import { idleDays, longestDays, type Session } from './session.ts';

export interface SignedIn {
  sessionId: string;
  id: string;
  email: string;
  name: string;
  role: 'shopper' | 'staff';
}

/**
 * How long a copy is trusted while Postgres answers. Ending a session waits as long where its floor cannot be
 * raised.
 */
export const copySeconds = 5;
const fallbackSeconds = 86_400;
/** A Postgres that stands still must leave a cart its own time within the 3.5 s of an answer. */
const readMs = 1_500;
const tooLate = () => unavailable('Who is signed in could not be read in time; try again');

/** @returns the token's account, undefined where its session has ended. @throws Refusal 503 where no store answers. */
export async function readSession(
  deps: Pick<Deps, 'cache' | 'redis' | 'floors' | 'lineage' | 'log'>,
  tokenHash: string,
): Promise<SignedIn | undefined> {
  try {
    const { value, tags, outcome } = await withinMs(readMs, tooLate, () =>
      deps.cache.read<SignedIn | null>({
        key: `session:${tokenHash}`,
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
  // Seen at most once an hour, so that reading does not write.
  const { rows } = await sql<SignedIn & { version: number }>`
    with found as (
      select s.id, s.account_id, s.last_seen_at from sessions s
      where s.token_hash = ${tokenHash}
        and s.last_seen_at > now() - make_interval(days => ${idleDays})
        and s.created_at > now() - make_interval(days => ${longestDays})
    ), seen as (
      update sessions set last_seen_at = now()
      where id in (select id from found where last_seen_at < now() - interval '1 hour')
    )
    select found.id as "sessionId", a.id, a.email, a.name, a.role, a.version
    from found join accounts a on a.id = found.account_id`.execute(db);
  const [row] = rows;
  if (row === undefined) return { value: null, tags: {} };
  const { version, ...value } = row;
  return { value, tags: { [accountTag(row.id)]: version } };
}

interface FallbackCopy {
  /** Of the database. */
  lineage?: string;
  value: SignedIn;
  tags: Record<string, number>;
}

/** For the time when Postgres is away: carts and browsing go on for those who are signed in. */
function storeFallbackCopy(
  { redis, lineage }: Pick<Deps, 'redis' | 'lineage'>,
  tokenHash: string,
  value: SignedIn,
  tags: FallbackCopy['tags'],
): void {
  redis
    .set(
      fallbackKey(tokenHash),
      JSON.stringify({ lineage: lineage.known()?.value, value, tags }),
      'EX',
      fallbackSeconds,
    )
    .catch(() => undefined);
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

function fallbackKey(tokenHash: string): string {
  return `session-kept:{${tokenHash}}`;
}

/** The same token twice is the same session. */
export async function insertSession(
  tx: Tx,
  accountId: string,
  tokenHash: string,
  device: string,
): Promise<void> {
  await tx
    .insertInto('sessions')
    .values({ account_id: accountId, token_hash: tokenHash, device: device.slice(0, 200) })
    .onConflict((conflict) => conflict.column('token_hash').doNothing())
    .execute();
}

export async function listSessions({ db }: Pick<Deps, 'db'>, current: SignedIn): Promise<Session[]> {
  const rows = await db
    .selectFrom('sessions')
    .select(['id', 'device', 'created_at', 'last_seen_at'])
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
  }));
}

/** Takes effect for the next request on every origin. @throws Refusal 404, also for another account's session */
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
 * At once, and as often as it is asked for: signing out twice is signed out.
 * @throws Refusal 422 `idempotency-key-reused` where the key stands for something else that the account did
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

/** @param except the session that goes on */
export async function deleteSessions(tx: Tx, accountId: string, except?: string): Promise<void> {
  let sessions = tx.deleteFrom('sessions').where('account_id', '=', accountId);
  if (except !== undefined) sessions = sessions.where('id', '!=', except);
  await sessions.execute();
}
