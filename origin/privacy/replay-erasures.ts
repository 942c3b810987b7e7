// After a restore of a backup: erases again whom the log says were erased since. Lines name accounts and orders by
// number, so that neither log nor file keeps an e-mail.
import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../schema.ts';
import { erasePerson } from './erase-person.ts';
import { readPersonOfAccount, readPersonOfGuest } from './person.ts';

export interface LoggedErasure {
  at: Date;
  account: string | undefined;
  /** Of a guest. */
  orders: string[];
}

/** Lines of any log; those that tell no erasure are passed over. */
export function readLoggedErasures(text: string): LoggedErasure[] {
  return text.split('\n').flatMap((line) => readErasure(line) ?? []);
}

function readErasure(line: string): LoggedErasure | undefined {
  // A collector may write its own words before the line.
  const from = line.indexOf('{');
  if (from === -1 || !line.includes('"erasure"')) return undefined;
  let told: Record<string, unknown>;
  try {
    told = JSON.parse(line.slice(from));
  } catch {
    return undefined;
  }
  const { security, time, account, orders } = told;
  const at = new Date(String(time));
  if (security !== 'erasure' || Number.isNaN(Number(at))) return undefined;
  return {
    at,
    account: isId(account) ? account : undefined,
    orders: Array.isArray(orders) ? orders.filter(isId) : [],
  };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,18}$/.test(value);
}

export interface FoundAgain {
  accounts: string[];
  /** In small letters. */
  guests: string[];
}

/**
 * Numbers are given anew after a restore: what is younger than its erasure is somebody else's.
 */
export async function findErasedAgain(db: DbOrTx, erasures: LoggedErasure[]): Promise<FoundAgain> {
  const accounts = new Set<string>();
  const guests = new Set<string>();
  for (const { at, account, orders } of erasures) {
    const { rows: back } = await sql<{ id: string }>`
      select id from accounts where id = ${account ?? null}::bigint and created_at < ${at}`.execute(db);
    for (const { id } of back) accounts.add(id);
    const { rows: mailboxes } = await sql<{ email: string }>`
      select distinct lower(email) as email from orders
      where id = any(${orders}::bigint[]) and account_id is null and email is not null
        and placed_at < ${at}`.execute(db);
    for (const { email } of mailboxes) guests.add(email);
  }
  return { accounts: [...accounts], guests: [...guests] };
}

/** Locks in the order that all keep; the worker then forgets copies and files. */
export async function eraseAgain(tx: Tx, which: { account: string } | { guest: string }): Promise<void> {
  if ('guest' in which) {
    await erasePerson(tx, await readPersonOfGuest(tx, which.guest));
    return;
  }
  await sql`select from accounts where id = ${which.account}::bigint for update`.execute(tx);
  const person = await readPersonOfAccount(tx, which.account);
  if (person !== undefined) await erasePerson(tx, person);
}
