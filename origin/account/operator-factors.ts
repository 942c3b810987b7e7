// Keeps the second factors of operators, each for a name, because operators share one password.
// Once any is set up, every sign-in by form needs a code of the name that is given.
import { sql } from 'kysely';
import type { Settings } from '../config.ts';
import { Refusal } from '../errors.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import { endOperatorSessions, logOperatorDeed } from './operator-sessions.ts';
import { wrongCode } from './second-factor.ts';
import {
  hashRecoveryCode,
  isTotpCode,
  makeRecoveryCodes,
  makeTotpSecret,
  normaliseCode,
  openSecret,
  sealSecret,
  stepOfCode,
  totpUri,
} from './totp.ts';

export interface OperatorFactorDeps {
  db: Db;
  settings: Pick<Settings, 'cookieKeys' | 'staffSecondFactor'>;
  now: () => number;
}

const purpose = 'operator totp secret';
const issuer = 'MyClothes.com operations';

/** Names that differ only in upper and lower case are one operator. */
export function operatorIdOf(name: string): string {
  return name.trim().toLowerCase();
}

/** Tells whether any operator has a factor or was given codes. From then on the password alone lets nobody in. */
export async function hasOperatorFactors(db: DbOrTx): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from operators where totp_confirmed_at is not null)
      or exists (select from operator_passkeys) or exists (select from operator_recovery_codes) as has`.execute(
    db,
  );
  return rows[0]!.has;
}

export interface Operator {
  id: string;
  name: string;
  hasApp: boolean;
  passkeys: number;
  recoveryCodesLeft: number;
}

/** Tells whether the operator has a factor. A name without one exists only because setting up an app was begun. */
export function hasFactor({ hasApp, passkeys, recoveryCodesLeft }: Operator): boolean {
  return hasApp || passkeys > 0 || recoveryCodesLeft > 0;
}

export async function listOperators(db: Db): Promise<Operator[]> {
  const { rows } = await sql<Operator>`
    select o.id, o.name, o.totp_confirmed_at is not null as "hasApp",
      (select count(*)::int from operator_passkeys p where p.operator_id = o.id) as passkeys,
      (select count(*)::int from operator_recovery_codes r
        where r.operator_id = o.id and r.used_at is null) as "recoveryCodesLeft"
    from operators o order by o.name limit 1000`.execute(db);
  return rows;
}

/** @returns undefined for an unknown name */
export async function findOperator(db: Db, name: string): Promise<Operator | undefined> {
  return (await listOperators(db)).find(({ id }) => id === operatorIdOf(name));
}

/**
 * Returns the secret of an app whose set-up has begun, or a new one. The app counts once one of its codes is
 * confirmed.
 * @throws Refusal 409 `second-factor-set-up`
 */
export async function beginOperatorApp(
  { db, settings }: OperatorFactorDeps,
  name: string,
): Promise<{ secret: string; uri: string }> {
  const id = operatorIdOf(name);
  const made = makeTotpSecret();
  const sealed = sealSecret(settings.cookieKeys, purpose, made);
  const row = await db
    .insertInto('operators')
    .values({ id, name: name.trim(), totp_secret: sealed, totp_confirmed_at: null })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet({ totp_secret: sql`coalesce(operators.totp_secret, ${sealed})` }),
    )
    .returning(['totp_secret', 'totp_confirmed_at'])
    .executeTakeFirstOrThrow();
  if (row.totp_confirmed_at !== null)
    throw new Refusal(409, 'second-factor-set-up', 'Turn off the app that you have first');
  const secret = openSecret(settings.cookieKeys, purpose, row.totp_secret!) ?? made;
  if (secret === made)
    await db.updateTable('operators').set({ totp_secret: sealed }).where('id', '=', id).execute();
  return { secret, uri: totpUri(secret, name.trim(), issuer) };
}

/**
 * Confirms the app and ends the name's other sessions. The first factor of all ends every other session, because
 * those began with the password alone.
 * @returns recovery codes, shown only now. @throws Refusal 403 `wrong-code`
 */
export async function confirmOperatorApp(
  deps: OperatorFactorDeps,
  { name, sessionId, code }: { name: string; sessionId: string; code: string },
): Promise<string[]> {
  const id = operatorIdOf(name);
  const recoveryCodes = makeRecoveryCodes();
  await deps.db.transaction().execute(async (tx) => {
    if (!(await takeAppCode(deps, tx, id, normaliseCode(code)))) throw wrongCode();
    const isFirst = !(await hasOperatorFactors(tx));
    await tx
      .updateTable('operators')
      .set({ totp_confirmed_at: sql`coalesce(totp_confirmed_at, now())` })
      .where('id', '=', id)
      .execute();
    await replaceRecoveryCodes(tx, id, recoveryCodes);
    await endOperatorSessions(tx, isFirst ? { allBut: sessionId } : { name: id, allBut: sessionId });
    await logOperatorDeed(tx, { who: name, action: 'set up second factor', target: `operator ${name}` });
  });
  return recoveryCodes;
}

/**
 * @param prove uses up a code or a passkey's answer
 * @throws Refusal 403 `wrong-code`, 409 `last-factor` where the shop requires a factor and this is the only one
 */
export async function removeOperatorApp(
  deps: OperatorFactorDeps,
  { name, prove }: { name: string; prove: (tx: Tx) => Promise<boolean> },
): Promise<void> {
  const id = operatorIdOf(name);
  await deps.db.transaction().execute(async (tx) => {
    if (!(await prove(tx))) throw wrongCode();
    const { passkeys } = await tx
      .selectFrom('operator_passkeys')
      .select((select) => select.fn.countAll<string>().as('passkeys'))
      .where('operator_id', '=', id)
      .executeTakeFirstOrThrow();
    if (Number(passkeys) === 0 && deps.settings.staffSecondFactor) throw lastFactor();
    if (Number(passkeys) === 0) await tx.deleteFrom('operators').where('id', '=', id).execute();
    else
      await tx
        .updateTable('operators')
        .set({ totp_secret: null, totp_confirmed_at: null })
        .where('id', '=', id)
        .execute();
    await logOperatorDeed(tx, { who: name, action: 'remove second factor', target: `operator ${name}` });
  });
}

export function lastFactor(): Refusal {
  return new Refusal(409, 'last-factor', 'This is your only second factor, and the shop requires one');
}

/**
 * Lets an operator in who lost the factor or has none yet. Their factors are deleted and their sessions end. One code
 * then signs them in once, together with the password.
 * @returns the code
 */
export async function admitOperator(db: Db, { by, name }: { by: string; name: string }): Promise<string> {
  const id = operatorIdOf(name);
  const [code = ''] = makeRecoveryCodes(1);
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('operators').where('id', '=', id).execute();
    await tx.insertInto('operators').values({ id, name: name.trim(), totp_confirmed_at: null }).execute();
    await replaceRecoveryCodes(tx, id, [code]);
    await endOperatorSessions(tx, { name: id });
    await logOperatorDeed(tx, { who: by, action: 'admit operator', target: `operator ${name.trim()}` });
  });
  return code;
}

/** @returns whether the operator existed */
export async function removeOperator(db: Db, { by, name }: { by: string; name: string }): Promise<boolean> {
  const id = operatorIdOf(name);
  return db.transaction().execute(async (tx) => {
    const { numDeletedRows } = await tx.deleteFrom('operators').where('id', '=', id).executeTakeFirst();
    await endOperatorSessions(tx, { name: id });
    await logOperatorDeed(tx, { who: by, action: 'remove operator', target: `operator ${name.trim()}` });
    return numDeletedRows > 0n;
  });
}

/** Uses up a code of the app or a recovery code; each works once. @returns whether it was right */
export async function takeOperatorCode(
  deps: Pick<OperatorFactorDeps, 'settings' | 'now'>,
  tx: Tx,
  name: string,
  given: string,
): Promise<boolean> {
  const code = normaliseCode(given);
  const id = operatorIdOf(name);
  if (isTotpCode(code)) return takeAppCode(deps, tx, id, code, { confirmed: true });
  const { numUpdatedRows } = await tx
    .updateTable('operator_recovery_codes')
    .set({ used_at: sql`now()` })
    .where('operator_id', '=', id)
    .where('code_hash', '=', hashRecoveryCode(code))
    .where('used_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

async function takeAppCode(
  { settings, now }: Pick<OperatorFactorDeps, 'settings' | 'now'>,
  tx: Tx,
  id: string,
  code: string,
  { confirmed = false } = {},
): Promise<boolean> {
  const row = await tx
    .selectFrom('operators')
    .select(['totp_secret', 'totp_confirmed_at', 'totp_last_step'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (!row?.totp_secret || (confirmed && row.totp_confirmed_at === null)) return false;
  const secret = openSecret(settings.cookieKeys, purpose, row.totp_secret);
  const step = secret && stepOfCode(secret, code, { nowMs: now(), lastStep: Number(row.totp_last_step) });
  if (!step) return false;
  await tx.updateTable('operators').set({ totp_last_step: step }).where('id', '=', id).execute();
  return true;
}

export async function replaceRecoveryCodes(tx: Tx, id: string, codes: string[]): Promise<void> {
  await tx.deleteFrom('operator_recovery_codes').where('operator_id', '=', id).execute();
  const rows = codes.map((one) => ({ operator_id: id, code_hash: hashRecoveryCode(one), used_at: null }));
  await tx.insertInto('operator_recovery_codes').values(rows).execute();
}
