// Keeps the sessions of operators, which last 8 hours, or 30 minutes idle.
// They are rows, so that every worker sees when one has ended.
import { type SelectQueryBuilder, sql } from 'kysely';
import { networkOf } from '../../http/client-address.ts';
import { addToLog } from '../outbox/change-jobs.ts';
import type { Database, Db, DbOrTx } from '../schema.ts';

export const operatorLongestHours = 8;
export const operatorIdleMinutes = 30;

export interface OperatorSession {
  /** Hash of the token. It names the session in forms, and signs nobody in. */
  id: string;
  name: string;
  device: string;
  address: string;
  createdAt: Date;
  lastSeenAt: Date;
  /** When a second factor was shown; null for a session that began with the password alone. */
  verifiedAt: Date | null;
}

interface NewSession {
  tokenHash: string;
  name: string;
  device: string;
  /** Client address; only its network is stored. */
  address: string;
  verifiedAt: Date | null;
}

export async function insertOperatorSession(db: DbOrTx, begun: NewSession): Promise<void> {
  await db
    .insertInto('operator_sessions')
    .values({
      token_hash: begun.tokenHash,
      name: begun.name,
      device: begun.device.slice(0, 200),
      address: networkOf(begun.address),
      verified_at: begun.verifiedAt,
      ended_at: null,
    })
    .execute();
}

const columns = [
  'token_hash as id',
  'name',
  'device',
  'address',
  'created_at as createdAt',
  'last_seen_at as lastSeenAt',
  'verified_at as verifiedAt',
] as const;

/** @param isUse false for a request that a page makes by itself, which must not keep the session alive */
export async function readOperatorSession(
  db: Db,
  tokenHash: string,
  { isUse }: { isUse: boolean },
): Promise<OperatorSession | undefined> {
  const found = await alive(db.selectFrom('operator_sessions'))
    .select(columns)
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
  if (found === undefined || !isUse) return found;
  // Written at most once a minute, so that most reads do not write.
  if (Date.now() - Number(found.lastSeenAt) > 60_000)
    await db
      .updateTable('operator_sessions')
      .set({ last_seen_at: sql`now()` })
      .where('token_hash', '=', tokenHash)
      .execute();
  return found;
}

/** Lists the sessions that are open now, newest first. */
export function listOperatorSessions(db: Db): Promise<OperatorSession[]> {
  return alive(db.selectFrom('operator_sessions'))
    .select(columns)
    .orderBy('created_at', 'desc')
    .limit(100)
    .execute();
}

function alive<Row>(query: SelectQueryBuilder<Database, 'operator_sessions', Row>) {
  return query
    .where('ended_at', 'is', null)
    .where('created_at', '>', sql<Date>`now() - make_interval(hours => ${operatorLongestHours})`)
    .where('last_seen_at', '>', sql<Date>`now() - make_interval(mins => ${operatorIdleMinutes})`);
}

/** Returns the name's sign-in before this one, so that an operator notices one that was not theirs. */
export async function previousOperatorSignIn(
  db: Db,
  { name, id }: Pick<OperatorSession, 'name' | 'id'>,
): Promise<Pick<OperatorSession, 'createdAt' | 'device' | 'address'> | undefined> {
  return db
    .selectFrom('operator_sessions')
    .select(['created_at as createdAt', 'device', 'address'])
    .where(sql`lower(name)`, '=', name.toLowerCase())
    .where('created_at', '<', (query) =>
      query.selectFrom('operator_sessions').select('created_at').where('token_hash', '=', id),
    )
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** @returns the names whose sessions have just ended */
export async function endOperatorSessions(
  db: DbOrTx,
  which: { id: string } | { name?: string; allBut?: string },
): Promise<string[]> {
  let query = db.updateTable('operator_sessions').set({ ended_at: sql`now()` }).where('ended_at', 'is', null);
  if ('id' in which) query = query.where('token_hash', '=', which.id);
  else {
    const { name, allBut } = which;
    if (name !== undefined) query = query.where(sql`lower(name)`, '=', name.toLowerCase());
    if (allBut !== undefined) query = query.where('token_hash', '!=', allBut);
  }
  const ended = await query.returning('name').execute();
  return ended.map(({ name }) => name);
}

/** Adds an action of this folder to the log that the console shows. */
export async function logOperatorDeed(
  db: DbOrTx,
  deed: { who: string; action: string; target: string },
): Promise<void> {
  await addToLog(db, { ...deed, jobs: null });
}
