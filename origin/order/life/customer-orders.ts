// Reads a customer's orders for staff.
// They are those of an account with its earlier guest orders, or those of a guest by e-mail.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../schema.ts';
import { idPattern } from '../../web/api/api.ts';
import { money } from '../../web/money.ts';
import { readStaffOrders, type StaffOrder } from './staff-orders.ts';

/** The customer. `accountId` is undefined for a guest; the e-mail is in lower case. */
export interface CustomerKey {
  accountId: string | undefined;
  email: string;
}

/** A guest is identified by their first order. */
export interface FoundGuest {
  firstOrderId: string;
  email: string;
}

const guestEmail = sql`lower(o.email) collate "C"`;
const isGuests = sql`o.account_id is null and o.email is not null`;

/**
 * Lists each guest once, ordered by e-mail. Index: orders_of_guests; each e-mail takes one look-up in it.
 * @param after the list begins behind this e-mail
 */
export async function findGuests(
  db: Db,
  { prefix, after, limit }: { prefix: string; after: string; limit: number },
): Promise<FoundGuest[]> {
  const next = (behind: RawBuilder<unknown>) => sql`
    select ${guestEmail} as email from orders o
    where ${isGuests} and ${guestEmail} > ${behind}
      and ${guestEmail} >= ${prefix} and ${guestEmail} < ${`${prefix}\uffff`}
    order by ${guestEmail} limit 1`;
  const { rows } = await sql<FoundGuest>`
    with recursive guests (email) as (
      (${next(sql`${after}::text`)})
      union all
      select (${next(sql`guests.email`)}) from guests where guests.email is not null)
    select g.email, (
      select min(o.id)::text from orders o where ${isGuests} and ${guestEmail} = g.email) as "firstOrderId"
    from (select email from guests where email is not null limit ${limit}) g`.execute(db);
  return rows;
}

export async function findGuest(db: Db, firstOrderId: string): Promise<FoundGuest | undefined> {
  if (!idPattern.test(firstOrderId)) return undefined;
  const { rows } = await sql<{ email: string }>`
    select ${guestEmail} as email from orders o where o.id = ${firstOrderId} and ${isGuests}`.execute(db);
  const [found] = rows;
  return found === undefined ? undefined : { firstOrderId, email: found.email };
}

export interface OrderOfCustomer {
  id: string;
  number: string;
  status: string;
  fulfilment: string;
  total: { amount: number; currency: 'EUR' };
  placedAt: string;
}

interface SummaryRow {
  at: number;
  count: number;
  name: string | null;
  orders: {
    id: string;
    number: string;
    status: string;
    fulfilment: string;
    total: number;
    placedAt: string;
  }[];
}

export interface CustomerSummary {
  orderCount: number;
  /** The name on the newest order. */
  name: string | undefined;
  orders: OrderOfCustomer[];
}

/** Returns one summary for each customer, in the same order. Indexes: orders_by_account, orders_of_guests */
export async function summariseCustomers(
  db: Db,
  customers: CustomerKey[],
  newest: number,
): Promise<CustomerSummary[]> {
  const { rows } = await sql<SummaryRow>`
    select c.at::integer as at, found.* from
      unnest(${customers.map(({ accountId }) => accountId ?? null)}::bigint[],
        ${customers.map(({ email }) => email)}::text[]) with ordinality as c (account_id, email, at)
    cross join lateral (
      select count(*)::integer as count,
        (array_agg(o.shipping_address ->> 'name' order by o.id desc))[1] as name,
        coalesce((json_agg(json_build_object('id', o.id::text, 'number', o.number, 'status', o.status,
          'fulfilment', o.fulfilment, 'total', o.total_amount, 'placedAt', o.placed_at) order by o.id desc)
          filter (where o.place <= ${newest})), '[]') as orders
      from (
        select o.*, row_number() over (order by o.id desc) as place from (${ordersOf(sql`c.account_id`, sql`c.email`)}) o) o
    ) found
    order by c.at`.execute(db);
  return rows.map(({ count, name, orders }) => ({
    orderCount: count,
    name: name ?? undefined,
    orders: orders.map(({ total, placedAt, ...order }) => ({
      ...order,
      total: money(total),
      placedAt: new Date(placedAt).toISOString(),
    })),
  }));
}

/** Two selects, so that each can use its own index. */
function ordersOf(accountId: RawBuilder<unknown>, email: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    select * from orders o where o.account_id = ${accountId}
    union all
    select * from orders o where ${isGuests} and ${guestEmail} = ${email}`;
}

/** Newest first. `spent` is in minor units: what was taken, less the refunds. */
export async function readOrdersOfCustomer(
  db: Db,
  { accountId, email }: CustomerKey,
  limit: number,
): Promise<{ orders: StaffOrder[]; spent: number }> {
  const own = ordersOf(sql`${accountId ?? null}::bigint`, sql`${email}::text`);
  const { rows } = await sql<{ ids: string[]; spent: number }>`
    select coalesce((array_agg(o.id::text order by o.id desc))[1:${limit}], '{}') as ids,
      coalesce(sum((
        select case when p.provider = 'on-delivery' then p.taken_amount
          when p.status = 'paid' then o.total_amount else 0 end
        from payments p where p.order_id = o.id)
        - coalesce((select sum(amount) from refunds r where r.order_id = o.id), 0)), 0)::float as spent
    from (${own}) o`.execute(db);
  const { ids, spent } = rows[0]!;
  return { orders: await readStaffOrders(db, ids), spent };
}
