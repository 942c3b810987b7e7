// Idempotency keys: key and effect are one transaction, and a concurrent retry waits on the key's row. Cart writes have
// operation ids of their own and do not come here.
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { Refusal } from '../../errors.ts';
import type { Db, Tx } from '../../schema.ts';

export interface IdempotentWrite {
  /**
   * Whose key it is: the account or cart that the cookies name, or the API key that is borne; undefined where nothing
   * is named, which no other request can share.
   */
  scope: string | undefined;
  /** Undefined where the request bears none: then it is like no other. */
  key: string | undefined;
  method: string;
  path: string;
  /** As parsed; the same members in another order are another body. */
  body: unknown;
}

/**
 * Runs `effect` in a transaction unless the key is known; then returns what it returned the first time.
 * A refusal rolls back and is not remembered: trying again may succeed.
 * @throws Refusal 422 `idempotency-key-reused` where the key stands for another method, path or body.
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

/** Rows of histories that the transaction writes bear the API key that asked for it; a default of their column. */
async function nameApiKey(tx: Tx, scope: string | undefined): Promise<void> {
  if (!scope?.startsWith(keyScopePrefix)) return;
  const id = scope.slice(keyScopePrefix.length);
  await sql`select set_config('myclothes.api_key', ${id}, true)`.execute(tx);
}

/**
 * For a write after which its own cookies name nothing any more: keeps the result under a second scope, in the same
 * transaction.
 */
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

/** @returns what the same write gave before in this scope; undefined where it is not known there */
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
 * For a write whose own scope is another one.
 * @throws Refusal 422 `idempotency-key-reused` where the key stands for something in this scope
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
