// Makes and revokes API keys for owners; a key is shown once and stored as a hash.
// Each request looks its key up in Postgres, so that a revoked key ends at once on every origin.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import { bearerRealm, missingScope, type Owner } from '../identity/visitor.ts';
import type { Db, Tx } from '../schema.ts';
import { audit } from '../staff/change-catalog.ts';
import { idPattern, z } from '../web/api/api.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import { plainText } from '../web/api/plain-text.ts';
import { type AdmittedKey, type ApiKeyScope, type AppEnv, apiKeyScopeNames } from '../web/env.ts';

const exampleKey = {
  id: '3',
  name: 'Warehouse',
  scopes: ['orders:read', 'stock:write'],
  createdAt: '2026-11-30T10:30:00.000Z',
  lastUsedAt: '2026-12-01T08:00:00.000Z',
};

const keyShape = {
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(apiKeyScopeNames)),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().optional().openapi({ description: 'To within a minute' }),
};

export const ApiKeySchema = z.object(keyShape).openapi('ApiKey', { example: exampleKey });

export const NewApiKeySchema = z
  .object({ ...keyShape, key: z.string().openapi({ description: 'Shown this once; keep it as a password' }) })
  .openapi('NewApiKey', { example: { ...exampleKey, lastUsedAt: undefined, key: `mck_${'x'.repeat(43)}` } });

export const ApiKeyToWriteSchema = z
  .strictObject({
    name: plainText(100),
    scopes: z
      .array(z.enum(apiKeyScopeNames))
      .min(1, { error: 'must name at least one' })
      .max(50)
      .transform((scopes) => [...new Set(scopes)]),
  })
  .openapi('ApiKeyToWrite', { example: { name: 'Warehouse', scopes: ['orders:read', 'stock:write'] } });

export type ApiKey = z.infer<typeof ApiKeySchema>;
export type NewApiKey = z.infer<typeof NewApiKeySchema>;
type ApiKeyToWrite = z.infer<typeof ApiKeyToWriteSchema>;

const mostKeys = 100;

/** Lists the keys that are not revoked, oldest first. */
export async function listApiKeys(db: Db): Promise<ApiKey[]> {
  const rows = await db
    .selectFrom('api_keys')
    .select(['id', 'name', 'scopes', 'created_at', 'last_used_at'])
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .limit(mostKeys)
    .execute();
  return rows.map(({ created_at, last_used_at, ...row }) => ({
    ...row,
    createdAt: created_at.toISOString(),
    ...(last_used_at ? { lastUsedAt: last_used_at.toISOString() } : {}),
  }));
}

export interface OwnerWrite {
  owner: Owner;
  idempotencyKey: string | undefined;
  path: string;
}

/**
 * Creates a key. It is derived from the idempotency key and stored only as a hash, so a repeated request gets the
 * same key.
 * @throws Refusal 422 `invalid-body` where there are too many keys
 */
export async function createApiKey(
  deps: Deps,
  { owner, idempotencyKey, path }: OwnerWrite,
  { name, scopes }: ApiKeyToWrite,
): Promise<NewApiKey> {
  const { scope } = owner;
  const candidates = makeKeys(deps.settings.cookieKeys, idempotencyKey && `${scope}\n${idempotencyKey}`);
  const write = { scope, key: idempotencyKey, method: 'POST', path, body: { name, scopes } };
  let made = candidates[0]!;
  const id = await writeOnce(deps.db, write, async (tx) => {
    await refuseTooMany(tx);
    // This idempotency key made a key before but is no longer remembered, so the new key is random.
    if (await isTaken(tx, made)) made = makeKeys([], undefined)[0]!;
    const row = await tx
      .insertInto('api_keys')
      .values({ name, scopes, hash: hashKey(made), account_id: owner.id })
      .returning('id')
      .executeTakeFirstOrThrow();
    await audit(tx, owner.id, [{ subject: `api-key:${row.id}`, before: null, after: { name, scopes } }]);
    return row.id;
  });
  const row = await deps.db
    .selectFrom('api_keys')
    .select(['hash', 'created_at'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  // The first key of COOKIE_KEYS may have changed since.
  const key = [made, ...candidates].find((one) => hashKey(one) === row.hash);
  if (key === undefined) throw new Refusal(422, 'idempotency-key-reused', 'This key was shown before');
  return { id, name, scopes, createdAt: row.created_at.toISOString(), key };
}

/** @throws Refusal 404 */
export async function revokeApiKey(
  deps: Deps,
  { owner, idempotencyKey, path }: OwnerWrite,
  id: string,
): Promise<void> {
  const write = { scope: owner.scope, key: idempotencyKey, method: 'DELETE', path, body: null };
  await writeOnce(deps.db, write, async (tx) => {
    const row = idPattern.test(id)
      ? await tx
          .updateTable('api_keys')
          .set({ revoked_at: sql<Date>`clock_timestamp()` })
          .where('id', '=', id)
          .where('revoked_at', 'is', null)
          .returning(['name', 'scopes'])
          .executeTakeFirst()
      : undefined;
    if (row === undefined) throw notFound('This API key');
    await audit(tx, owner.id, [{ subject: `api-key:${id}`, before: row, after: null }]);
  });
}

/** The scope that a request by key needs, or `people-only`. Undefined where there is no such route. */
export type ScopeOf = (method: string, path: string) => ApiKeyScope | 'people-only' | undefined;

/**
 * Admits programs with an API key to the staff's API, each to the routes of its scopes.
 * @throws Refusal 401 `unknown-key`, 403 `missing-scope`, 404 where there is no such route
 */
export function admitApiKeys(deps: Deps, scopeOf: ScopeOf): MiddlewareHandler<AppEnv> {
  return async (c: Context<AppEnv>, next) => {
    const token = readBearer(c.req.header('Authorization'));
    if (token === undefined || !c.req.path.startsWith('/api/staff/')) return next();
    const key = await findApiKey(deps.db, token);
    if (key === undefined) throw unknownKey();
    const needed = scopeOf(c.req.method, c.req.path);
    // Routes outside the table admit no key.
    if (needed === undefined) throw new Refusal(404, 'not-found', 'There is nothing at this address');
    if (!key.scopes.some((scope) => scope === needed)) throw missingScope(needed);
    c.set('apiKey', key);
    return next();
  };
}

/** @returns the token, which may be empty; undefined without a bearer token (RFC 6750, 2.1) */
export function readBearer(authorization: string | undefined): string | undefined {
  return (
    /^bearer(?: +(.*))?$/i.exec(authorization?.trim() ?? '')?.[1] ?? (isBare(authorization) ? '' : undefined)
  );
}

function isBare(authorization: string | undefined): boolean {
  return authorization?.trim().toLowerCase() === 'bearer';
}

/** Records the use of a key once a minute. It skips a locked row, so that requests do not wait for each other. */
async function findApiKey(db: Db, token: string): Promise<AdmittedKey | undefined> {
  if (!token.startsWith(prefix)) return undefined;
  const { rows } = await sql<AdmittedKey>`
    with used as (
      update api_keys set last_used_at = clock_timestamp() where id in (
        select id from api_keys
        where hash = ${hashKey(token)} and revoked_at is null
          and (last_used_at is null or last_used_at < now() - interval '1 minute')
        for no key update skip locked))
    select id, name, scopes from api_keys where hash = ${hashKey(token)} and revoked_at is null`.execute(db);
  return rows[0];
}

/** Secret scanners of source code recognise a key by this prefix. */
const prefix = 'mck_';

/**
 * @param retryOf undefined: the key is random
 * @returns one key for each of `cookieKeys`, in the same order
 */
function makeKeys(cookieKeys: string[], retryOf: string | undefined): string[] {
  if (retryOf === undefined) return [prefix + randomBytes(32).toString('base64url')];
  return cookieKeys.map(
    (secret) => prefix + createHmac('sha256', secret).update(`api key\n${retryOf}`).digest('base64url'),
  );
}

function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

async function isTaken(tx: Tx, key: string): Promise<boolean> {
  const row = await tx
    .selectFrom('api_keys')
    .select('id')
    .where('hash', '=', hashKey(key))
    .executeTakeFirst();
  return row !== undefined;
}

async function refuseTooMany(tx: Tx): Promise<void> {
  const { count } = await tx
    .selectFrom('api_keys')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (Number(count) >= mostKeys)
    throw new Refusal(422, 'invalid-body', `There are ${mostKeys} keys already; revoke one first`);
}

function unknownKey(): Refusal {
  return new Refusal(401, 'unknown-key', 'There is no such API key, or it was revoked', {
    headers: { 'WWW-Authenticate': `${bearerRealm}, error="invalid_token"` },
  });
}
