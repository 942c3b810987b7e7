// Passkeys of operators: a second factor of a name, used instead of a code of the app.
import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import { sql } from 'kysely';
import type { Settings } from '../config.ts';
import { Refusal } from '../errors.ts';
import type { DbOrTx, Tx } from '../schema.ts';
import {
  hasOperatorFactors,
  lastFactor,
  type OperatorFactorDeps,
  operatorIdOf,
  replaceRecoveryCodes,
  takeOperatorCode,
} from './operator-factors.ts';
import { endOperatorSessions, logOperatorDeed } from './operator-sessions.ts';
import {
  entryOptions,
  mostPasskeyName,
  mostPasskeys,
  type Passkey,
  type RelyingParty,
  readAnswer,
  registrationOptions,
  useChallenge,
  verifyEntry,
  verifyRegistration,
  wrongPasskey,
} from './passkey-ceremony.ts';
import { makeRecoveryCodes } from './totp.ts';

export interface OperatorPasskeyDeps extends OperatorFactorDeps {
  settings: OperatorFactorDeps['settings'] & Pick<Settings, 'workerUrl'>;
}

function consoleOf({ settings, now }: Pick<OperatorPasskeyDeps, 'settings' | 'now'>): RelyingParty {
  const { workerUrl: url, cookieKeys } = settings;
  return { url, name: 'MyClothes.com operations', cookieKeys, now };
}

/** A browser uses a passkey only at the host it was made for, and never at an IP address. */
export function offersPasskeys({ workerUrl }: Pick<Settings, 'workerUrl'>, request: Request): boolean {
  const { host, hostname } = new URL(workerUrl);
  return isIP(hostname.replaceAll(/[[\]]/g, '')) === 0 && new URL(request.url).host === host;
}

export function listOperatorPasskeys(db: DbOrTx, name: string): Promise<Passkey[]> {
  return db
    .selectFrom('operator_passkeys')
    .select(['credential_id as id', 'name', 'created_at as createdAt', 'last_used_at as lastUsedAt'])
    .where('operator_id', '=', operatorIdOf(name))
    .orderBy('created_at')
    .execute();
}

export async function operatorPasskeyOptions(deps: OperatorPasskeyDeps, name: string): Promise<object> {
  const id = operatorIdOf(name);
  return registrationOptions(
    consoleOf(deps),
    { registerOperator: id },
    {
      handle: createHmac('sha256', 'passkey operator').update(id).digest(),
      name: name.trim(),
      displayName: name.trim(),
      present: await listOperatorPasskeys(deps.db, name),
    },
  );
}

/** @returns undefined for a name without passkeys */
export async function operatorEntryOptions(
  deps: OperatorPasskeyDeps,
  name: string,
): Promise<object | undefined> {
  const present = await listOperatorPasskeys(deps.db, name);
  if (present.length === 0) return undefined;
  const ids = present.map(({ id }) => id);
  return entryOptions(consoleOf(deps), 'operator', ids);
}

/**
 * Adds a passkey and ends the name's other sessions. The first factor of all ends every other session.
 * @returns recovery codes where the name had none left, shown only now
 * @throws Refusal 403 `wrong-code`, 422 `invalid-body`
 */
export async function addOperatorPasskey(
  deps: OperatorPasskeyDeps,
  added: { name: string; sessionId: string; label: string; response: string },
): Promise<string[] | undefined> {
  const { name, sessionId, label, response } = added;
  const id = operatorIdOf(name);
  const { columns, challenge } = await verifyRegistration(
    consoleOf(deps),
    { registerOperator: id },
    response,
  );
  return deps.db.transaction().execute(async (tx) => {
    await useChallenge(tx, challenge);
    const isFirst = !(await hasOperatorFactors(tx));
    await tx
      .insertInto('operators')
      .values({ id, name: name.trim(), totp_confirmed_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await tx.selectFrom('operators').select('id').where('id', '=', id).forUpdate().execute();
    if ((await listOperatorPasskeys(tx, name)).length >= mostPasskeys)
      throw new Refusal(422, 'invalid-body', `An operator has at most ${mostPasskeys} passkeys`);
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('operator_passkeys')
      .values({ ...columns, operator_id: id, name: readLabel(label), last_used_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 0n) throw wrongPasskey();
    await endOperatorSessions(tx, isFirst ? { allBut: sessionId } : { name: id, allBut: sessionId });
    await logOperatorDeed(tx, { who: name, action: 'add passkey', target: `operator ${name}` });
    if (await hasRecoveryCode(tx, id)) return undefined;
    const recoveryCodes = makeRecoveryCodes();
    await replaceRecoveryCodes(tx, id, recoveryCodes);
    return recoveryCodes;
  });
}

function readLabel(given: string): string {
  return given.trim().slice(0, mostPasskeyName) || 'Passkey';
}

async function hasRecoveryCode(tx: Tx, id: string): Promise<boolean> {
  const left = await tx
    .selectFrom('operator_recovery_codes')
    .select('code_hash')
    .where('operator_id', '=', id)
    .where('used_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return left !== undefined;
}

/**
 * Removes a passkey. Removing the last factor also deletes the recovery codes.
 * @returns whether this name had the passkey
 * @throws Refusal 409 `last-factor` where the shop requires a factor and this is the only one
 */
export async function removeOperatorPasskey(
  deps: OperatorPasskeyDeps,
  { name, passkey, sessionId }: { name: string; passkey: string; sessionId: string },
): Promise<boolean> {
  const id = operatorIdOf(name);
  return deps.db.transaction().execute(async (tx) => {
    const operator = await tx
      .selectFrom('operators')
      .select('totp_confirmed_at')
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    const { numDeletedRows } = await tx
      .deleteFrom('operator_passkeys')
      .where('credential_id', '=', passkey)
      .where('operator_id', '=', id)
      .executeTakeFirst();
    if (operator === undefined || numDeletedRows === 0n) return false;
    const hasOther = operator.totp_confirmed_at !== null || (await listOperatorPasskeys(tx, name)).length > 0;
    if (!hasOther && deps.settings.staffSecondFactor) throw lastFactor();
    if (!hasOther) await tx.deleteFrom('operators').where('id', '=', id).execute();
    // Sessions on other devices may have begun with this passkey, so they end.
    await endOperatorSessions(tx, { name: id, allBut: sessionId });
    await logOperatorDeed(tx, { who: name, action: 'remove passkey', target: `operator ${name}` });
    return true;
  });
}

/** The proof of an operator: a code of the app, a recovery code, or a passkey's signed answer. */
export interface OperatorProof {
  code: string;
  passkey: string;
}

/**
 * Uses up a proof in the transaction of the action that needs it. Each works once. @returns whether it was right
 * @throws Refusal 403 `wrong-code` for a passkey of another name
 */
export async function takeOperatorProof(
  deps: Pick<OperatorPasskeyDeps, 'settings' | 'now'>,
  tx: Tx,
  name: string,
  { code, passkey }: OperatorProof,
): Promise<boolean> {
  if (passkey === '') return takeOperatorCode(deps, tx, name, code);
  const stored = await tx
    .selectFrom('operator_passkeys')
    .selectAll()
    .where('credential_id', '=', readAnswer(passkey).id)
    .where('operator_id', '=', operatorIdOf(name))
    .forUpdate()
    .executeTakeFirst();
  if (stored === undefined) throw wrongPasskey();
  const { counter, challenge } = await verifyEntry(consoleOf(deps), 'operator', {
    stored,
    response: passkey,
  });
  await useChallenge(tx, challenge);
  await tx
    .updateTable('operator_passkeys')
    .set({ counter, last_used_at: sql`now()` })
    .where('credential_id', '=', stored.credential_id)
    .execute();
  return true;
}

/** The console's page also tells this time: a proof is good for ten minutes. */
export const operatorProofMs = 600_000;

export async function markOperatorVerified(
  { now }: Pick<OperatorPasskeyDeps, 'now'>,
  tx: Tx,
  sessionId: string,
): Promise<void> {
  await tx
    .updateTable('operator_sessions')
    .set({ verified_at: new Date(now()) })
    .where('token_hash', '=', sessionId)
    .execute();
}
