// Finds what an operator means by an order's number, a product's name or a mail address: the subjects of its jobs.
import { sql } from 'kysely';
import { mailSubject } from '../../origin/outbox/events.ts';
import type { Db } from '../../origin/schema.ts';

/** Of one account or product, the newest. */
const mostNamed = 100;

/**
 * @param text an order's number, a product's slug, an account's mail address, an id of any of them, or a subject such
 *   as `product:42`
 * @returns none where nothing of that name is known
 */
export async function findSubjects(db: Db, text: string): Promise<string[]> {
  const name = text.trim();
  const [, kind, numbered] = /^(order|product|account):(\d{1,18})$/.exec(name) ?? [];
  const id = numbered ?? (/^\d{1,18}$/.test(name) ? name : null);
  const isAsked = (one: string) => sql`${kind === undefined || kind === one}::boolean`;
  const { rows } = await sql<{ subject: string }>`
    with
    found_orders as (
      select id, account_id from orders
      where ${isAsked('order')} and (id = ${id}::bigint or number = ${name} or number = upper(${name}))),
    found_accounts as (
      select id, email from accounts
      where ${isAsked('account')} and (id = ${id}::bigint or email = lower(${name}))),
    found_products as (
      select id from products where ${isAsked('product')} and (id = ${id}::bigint or slug = ${name}))
    select 'order:' || id as subject from found_orders
    union all
    select 'account:' || id from found_accounts
    union all
    select 'product:' || id from found_products
    union all
    (select 'stock:' || id from variants where product_id in (select id from found_products) limit ${mostNamed})
    union all
    (select 'order:' || id from orders
      where account_id in (select id from found_accounts) order by placed_at desc limit ${mostNamed})`.execute(
    db,
  );
  const subjects = rows.map((row) => row.subject);
  const { rows: addresses } = await sql<{ email: string }>`
    select email from accounts where ${isAsked('account')} and id = ${id}::bigint`.execute(db);
  if (name.includes('@')) addresses.push({ email: name });
  return [...new Set([...subjects, ...addresses.map(({ email }) => mailSubject(email))])];
}
