// Removes data whose retention is over, in bounded rounds. Each round takes the next rows.
import { sql } from 'kysely';
import type { KeepPeriods, Settings } from '../config.ts';
import { removeMails } from '../mail/transport.ts';
import type { Tx } from '../schema.ts';
import { eraseRecords } from './erase-person.ts';
import { readPersonsOfOrders } from './person.ts';

/** The bound is low because each order touches a dozen tables. */
const mostOrders = 100;
const mostRows = 1_000;

/**
 * Indexes: orders_of_guests_by_age, withdrawals_with_person, invoices_with_person, credit_notes_with_person,
 * operator_sessions_by_age.
 */
export async function pruneRecords(tx: Tx, keep: KeepPeriods): Promise<void> {
  await pruneGuestOrders(tx, keep.KEEP_GUEST_ORDERS_DAYS);
  await sql`
    update withdrawals set name = '', email = '', pieces = '', fingerprint = gen_random_uuid()::text
    where id = any(array(
      select id from withdrawals
      where email <> '' and declared_at < now() - make_interval(days => ${keep.KEEP_WITHDRAWALS_DAYS})
      order by declared_at limit ${mostRows}))`.execute(tx);
  for (const table of ['invoices', 'credit_notes']) {
    await sql`
      update ${sql.table(table)} set document = null,
        content = content || '{"buyer": [], "buyerAddress": null, "deliveredTo": []}'
      where number = any(array(
        select number from ${sql.table(table)}
        where content -> 'buyer' <> '[]'
          and issued_at < date_trunc('year', now()) - make_interval(years => ${keep.KEEP_INVOICES_YEARS})
        order by issued_at limit ${mostRows}))`.execute(tx);
  }
  await sql`
    delete from operator_sessions where token_hash = any(array(
      select token_hash from operator_sessions
      where created_at < now() - make_interval(days => ${keep.KEEP_OPERATOR_SESSIONS_DAYS})
      order by created_at limit ${mostRows}))`.execute(tx);
}

async function pruneGuestOrders(tx: Tx, days: number): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select id from orders
    where account_id is null and email is not null and placed_at < now() - make_interval(days => ${days})
    order by placed_at limit ${mostOrders} for update skip locked`.execute(tx);
  if (rows.length === 0) return;
  await eraseRecords(
    tx,
    await readPersonsOfOrders(
      tx,
      rows.map(({ id }) => id),
    ),
  );
}

const dayMs = 86_400_000;

/** Each worker that writes mails as files runs it. */
export function pruneMailFiles(settings: Pick<Settings, 'dataDir' | 'keep'>): Promise<void> {
  return removeMails(settings, ({ ageMs }) => ageMs > settings.keep.KEEP_MAILS_DAYS * dayMs);
}
