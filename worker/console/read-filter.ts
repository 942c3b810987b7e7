// Reads a form or an address: which jobs are meant, and which page of them.

import { sql } from 'kysely';
import { mailSubject, type OutboxKind, outboxKinds } from '../../origin/outbox/events.ts';
import { type JobFilter, jobStates } from '../../origin/outbox/find-jobs.ts';
import type { Db } from '../../origin/schema.ts';

/** The filter as a person typed it; empty fields are absent. */
export interface AskedFilter {
  state?: string | undefined;
  kind?: string | undefined;
  error?: string | undefined;
  about?: string | undefined;
  group?: string | undefined;
  older?: string | undefined;
  after?: string | undefined;
}

const names = ['state', 'kind', 'error', 'about', 'group', 'older', 'after'] as const;
const mostLength = 200;

export function readAsked(fields: Record<string, unknown>): AskedFilter {
  const asked: AskedFilter = {};
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string' && value.trim() !== '') asked[name] = value.trim().slice(0, mostLength);
  }
  return asked;
}

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** @returns the filter, or a sentence that says what cannot be understood */
export async function understand(db: Db, asked: AskedFilter): Promise<JobFilter | string> {
  const { error, about, group, older } = asked;
  const state = jobStates.find((one) => one === asked.state);
  if (asked.state !== undefined && state === undefined) return `A state is one of ${jobStates.join(', ')}.`;
  const kind: OutboxKind | undefined = outboxKinds.find((one) => one === asked.kind);
  if (asked.kind !== undefined && kind === undefined) return `A kind is one of ${outboxKinds.join(', ')}.`;
  const [, amount, unit] = /^(\d{1,6})\s*([smhd])$/.exec(older ?? '') ?? [];
  if (older !== undefined && amount === undefined) return 'An age is a number with its unit, such as 10m.';
  if (group !== undefined && !/^[0-9a-f]{12}$/.test(group)) return 'There is no such group of errors.';
  const subjects = about === undefined ? undefined : await findSubjects(db, about);
  if (subjects?.length === 0) return `No order, product or account is known as '${about}'.`;
  return {
    ...(state ? { state } : {}),
    ...(kind ? { kind } : {}),
    ...(error ? { error } : {}),
    ...(group ? { group } : {}),
    ...(subjects ? { subjects } : {}),
    ...(amount ? { olderThanSeconds: Number(amount) * secondsOf[unit!]! } : {}),
  };
}

export function toQuery(asked: AskedFilter): string {
  const query = new URLSearchParams();
  for (const name of names) if (asked[name] !== undefined) query.set(name, asked[name]);
  return query.toString();
}

/** The newest jobs of one account or product. */
const mostNamed = 100;

/**
 * @param text an order's number, a product's slug, an account's e-mail address, an id of any of them, or a subject
 * such as `product:42`
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
