// Writes once for each idempotency key: key and effect are one transaction.
// A concurrent retry waits for the key's row. Cart writes use operation ids instead.
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { Refusal } from '../../errors.ts';
import type { Db, Tx } from '../../schema.ts';

export interface IdempotentWrite {
  /**
   * Owner of the key: the account or cart of the cookies, or the API key of the request. Undefined without any of
   * them; such a request shares its key with no other.
   */
  scope: string | undefined;
  /** Undefined where the request has no key; it then counts as new. */
  key: string | undefined;
  method: string;
  path: string;
  /** The parsed body. The same members in another order count as another body. */
  body: unknown;
}

/**
 * Runs `effect` in a transaction, unless the key is known: then it returns the first result. A refusal rolls back and
 * is not remembered, so that a retry may succeed.
 * @throws Refusal 422 `idempotency-key-reused` where the key was used with another method, path or body
 */
export async function writeOnce<Result>(
  db: Db,
  write: IdempotentWrite,
  effect: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const { scope, key } = write;
  if (scope === undefined || key === undefined)
    return db.transaction().execute(async (tx) => {
      await nameApiKey(tx, scope);
      return effect(tx);
    });
  const fingerprint = fingerprintOf(write);
  return db.transaction().execute(async (tx) => {
    await nameApiKey(tx, scope);
    const inserted = await tx
      .insertInto('idempotency_keys')
      .values({ scope, key, fingerprint })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 0n) return replay<Result>(tx, { scope, key, fingerprint });
    const result = await effect(tx);
    await tx
      .updateTable('idempotency_keys')
      .set({ result: JSON.stringify(result ?? null) })
      .where('scope', '=', scope)
      .where('key', '=', key)
      .execute();
    return result;
  });
}

export const keyScopePrefix = 'api-key:';

/** Sets the API key that the transaction's history rows name; a default of their column reads it. */
async function nameApiKey(tx: Tx, scope: string | undefined): Promise<void> {
  if (!scope?.startsWith(keyScopePrefix)) return;
  const id = scope.slice(keyScopePrefix.length);
  await sql`select set_config('myclothes.api_key', ${id}, true)`.execute(tx);
}

/** Keeps the result under a second scope in the same transaction, for a write after which its cookies name no scope. */
export async function rememberInScope(tx: Tx, write: IdempotentWrite, result: unknown): Promise<void> {
  const { scope, key } = write;
  if (scope === undefined || key === undefined) return;
  const row = { scope, key, fingerprint: fingerprintOf(write), result: JSON.stringify(result ?? null) };
  await tx
    .insertInto('idempotency_keys')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** @returns the earlier result of the same write in this scope; undefined where there is none */
export async function findResult<Result>(db: Db, write: IdempotentWrite): Promise<Result | undefined> {
  const { scope, key } = write;
  if (scope === undefined || key === undefined) return undefined;
  const known = await db
    .selectFrom('idempotency_keys')
    .select('result')
    .where('scope', '=', scope)
    .where('key', '=', key)
    .where('fingerprint', '=', fingerprintOf(write))
    .executeTakeFirst();
  return known?.result as Result | undefined;
}

/**
 * Refuses a key that was used in `scope`, for a write whose own scope is another one.
 * @throws Refusal 422 `idempotency-key-reused`
 */
export async function refuseUsedKey(tx: Tx, scope: string, key: string | undefined): Promise<void> {
  if (key === undefined) return;
  const used = await tx
    .selectFrom('idempotency_keys')
    .select('key')
    .where('scope', '=', scope)
    .where('key', '=', key)
    .executeTakeFirst();
  if (used !== undefined) throw reusedKey();
}

export function fingerprintOf(write: Pick<IdempotentWrite, 'method' | 'path' | 'body'>): string {
  return createHash('sha256')
    .update(JSON.stringify([write.method, write.path, write.body ?? null]))
    .digest('base64url');
}

export function reusedKey(): Refusal {
  return new Refusal(
    422,
    'idempotency-key-reused',
    'This Idempotency-Key was used for another request; use a new one',
  );
}

async function replay<Result>(
  tx: Tx,
  again: { scope: string; key: string; fingerprint: string },
): Promise<Result> {
  const known = await tx
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'result'])
    .where('scope', '=', again.scope)
    .where('key', '=', again.key)
    .executeTakeFirstOrThrow();
  if (known.fingerprint !== again.fingerprint) throw reusedKey();
  return known.result as Result;
}
