// Repeats erasures after a restore of a backup, as the log lists them.
// Log lines name accounts and orders by number, so that they contain no e-mail address.
import { sql } from 'kysely';
import type { DbOrTx, Tx } from '../schema.ts';
import { erasePerson } from './erase-person.ts';
import { readPersonOfAccount, readPersonOfGuest } from './person.ts';

export interface LoggedErasure {
  at: Date;
  account: string | undefined;
  /** Orders of an erased guest. */
  orders: string[];
}

/** Reads lines of any log, and skips those that report no erasure. */
export function readLoggedErasures(text: string): LoggedErasure[] {
  return text.split('\n').flatMap((line) => readErasure(line) ?? []);
}

function readErasure(line: string): LoggedErasure | undefined {
  // A log collector may prefix the line.
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
  /** In lower case. */
  guests: string[];
}

/**
 * Finds accounts and guests that a restore brought back. Numbers are given anew after a restore, so rows younger than
 * their erasure belong to somebody else.
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

/** Erases again, locking in the usual order. The worker then removes copies and files. */
export async function eraseAgain(tx: Tx, which: { account: string } | { guest: string }): Promise<void> {
  if ('guest' in which) {
    await erasePerson(tx, await readPersonOfGuest(tx, which.guest));
    return;
  }
  await sql`select from accounts where id = ${which.account}::bigint for update`.execute(tx);
  const person = await readPersonOfAccount(tx, which.account);
  if (person !== undefined) await erasePerson(tx, person);
}
