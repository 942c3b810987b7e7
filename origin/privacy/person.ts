// Finds the data of one person: account, orders, mailboxes proven to be theirs, and words that identify them.
import { type RawBuilder, sql } from 'kysely';
import { mailSubject } from '../outbox/events.ts';
import type { DbOrTx } from '../schema.ts';
import { type Find, type PersonalTable, register } from './register.ts';

export interface Person {
  /** Undefined for a guest. */
  accountId: string | undefined;
  /** E-mail addresses in lower case, only those that the person has proven to own. */
  ownEmails: string[];
  orderIds: string[];
  /** Digests of all mailboxes to which mails to this person went. */
  mailSubjects: string[];
  /** Mails in the outbox, sent or waiting. */
  mailIds: string[];
  cartIds: string[];
  /** Names, addresses, e-mail addresses and parcel numbers, as they may appear in texts by other people. */
  words: string[];
}

/** @returns undefined where there is no such account */
export async function readPersonOfAccount(db: DbOrTx, accountId: string): Promise<Person | undefined> {
  const { rows } = await sql<{ email: string; name: string; isProven: boolean }>`
    select lower(email) as email, name, email_confirmed_at is not null as "isProven"
    from accounts where id = ${accountId}`.execute(db);
  const account = rows[0];
  if (account === undefined) return undefined;
  const { email, name, isProven } = account;
  return readPerson(db, { accountId, email, name, ownEmails: isProven ? [email] : [] });
}

/** Persons of orders whose retention is over, limited to these orders. */
export async function readPersonsOfOrders(db: DbOrTx, orderIds: string[]): Promise<Person> {
  const { rows } = await sql<OrderOfPerson>`
    select ${orderColumns} from orders where id = any(${orderIds}::bigint[])`.execute(db);
  return describePerson(db, { accountId: undefined, email: '', name: '', ownEmails: [] }, rows);
}

/** A guest who has proven by mail to own the mailbox. @param email in lower case */
export async function readPersonOfGuest(db: DbOrTx, email: string): Promise<Person> {
  return readPerson(db, { accountId: undefined, email, name: '', ownEmails: [email] });
}

interface KnownPerson {
  accountId: string | undefined;
  email: string;
  name: string;
  ownEmails: string[];
}

async function readPerson(db: DbOrTx, known: KnownPerson): Promise<Person> {
  return describePerson(db, known, await readOrders(db, known.accountId, known.ownEmails));
}

async function describePerson(db: DbOrTx, known: KnownPerson, orders: OrderOfPerson[]): Promise<Person> {
  const { accountId, ownEmails } = known;
  const orderIds = orders.map(({ id }) => id);
  const changes = await readEmailChanges(db, accountId);
  const accountEmails = unique([known.email, ...changes.map(({ former }) => former ?? '')]);
  const newEmails = unique(changes.map(({ email }) => email));
  const mailboxes = unique([
    ...ownEmails,
    ...accountEmails,
    ...newEmails,
    ...orders.map((order) => order.email ?? ''),
  ]);
  const { rows: carts } = await sql<{ id: string }>`
    select id from carts where account_id = ${accountId ?? null}::bigint`.execute(db);
  const { rows: texts } = await sql<{ text: string | null }>`
    select unnest(array[address ->> 'name', address ->> 'line1', address ->> 'line2', address ->> 'company',
      address ->> 'vatNumber']) as text from addresses where account_id = ${accountId ?? null}::bigint
    union select unnest(array[tracking_number, tracking_url]) from shipments where order_id = any(${orderIds}::bigint[])
    union select unnest(array[name, email]) from withdrawals
      where order_id = any(${orderIds}::bigint[]) or lower(email) = any(${ownEmails})`.execute(db);
  return {
    accountId,
    ownEmails,
    orderIds,
    mailSubjects: mailboxes.map(mailSubject),
    mailIds: await readMails(db, { mailboxes, ownEmails, orderIds, accountEmails, newEmails }),
    cartIds: carts.map(({ id }) => id),
    words: unique([
      ...accountEmails,
      ...newEmails,
      known.name,
      ...orders.flatMap(wordsOfOrder),
      ...texts.map(({ text }) => text ?? ''),
    ]),
  };
}

interface EmailChange {
  /** May never have been confirmed, and may then be a stranger's. */
  email: string;
  former: string | null;
}

async function readEmailChanges(db: DbOrTx, accountId: string | undefined): Promise<EmailChange[]> {
  const { rows } = await sql<EmailChange>`
    select lower(email) as email, lower(former_email) as former from email_confirmations
    where account_id = ${accountId ?? null}::bigint`.execute(db);
  return rows;
}

const orderColumns = sql`id, lower(email) as email, shipping_address as shipping, billing_address as billing`;

interface OrderOfPerson {
  id: string;
  email: string | null;
  shipping: Record<string, unknown> | null;
  billing: Record<string, unknown> | null;
}

/**
 * Orders of the account, and guests' orders under a mailbox of this person. Indexes: orders_by_account,
 * orders_of_guests.
 */
async function readOrders(
  db: DbOrTx,
  accountId: string | undefined,
  ownEmails: string[],
): Promise<OrderOfPerson[]> {
  const { rows } = await sql<OrderOfPerson>`
    select ${orderColumns} from orders where account_id = ${accountId ?? null}::bigint
    union all
    select ${orderColumns} from orders
    where account_id is null and email is not null and lower(email) collate "C" = any(${ownEmails})
    order by id desc`.execute(db);
  return rows;
}

/** Parts of an address that identify a person. Town and postcode do not, because many people share them. */
function wordsOfOrder({ email, shipping, billing }: OrderOfPerson): string[] {
  const parts = ['name', 'line1', 'line2', 'company', 'vatNumber', 'phone'];
  const ofAddresses = [shipping, billing].flatMap((address) => parts.map((part) => address?.[part]));
  return [email ?? '', ...ofAddresses.filter((word) => typeof word === 'string')];
}

/**
 * Mails to a proven mailbox, about the person's orders, or of the account. An account that was made with somebody
 * else's e-mail address reaches no mail about that person's orders. Index: outbox_mails_by_address.
 */
async function readMails(
  db: DbOrTx,
  of: Record<'mailboxes' | 'ownEmails' | 'orderIds' | 'accountEmails' | 'newEmails', string[]>,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from outbox
    where kind = 'mail' and lower(payload ->> 'to') = any(${of.mailboxes}) and (
      lower(payload ->> 'to') = any(${of.ownEmails})
      or payload -> 'data' ->> 'orderId' = any(${of.orderIds})
      or (lower(payload ->> 'to') = any(${of.newEmails}) and payload -> 'data' ? 'seed')
      or (lower(payload ->> 'to') = any(${of.accountEmails})
        and not payload -> 'data' ?| array['orderId', 'withdrawalId']))
    order by id`.execute(db);
  return rows.map(({ id }) => id);
}

/** @returns the condition that a row of this table belongs to the person; undefined where none can */
export function rowsOf(table: string, person: Person): RawBuilder<boolean> | undefined {
  const conditions = (register[table] as PersonalTable).find.flatMap(
    (find) => conditionOf(find, person) ?? [],
  );
  return conditions.length === 0 ? undefined : sql<boolean>`(${sql.join(conditions, sql` or `)})`;
}

function conditionOf(find: Find, person: Person): RawBuilder<boolean> | undefined {
  const { accountId, orderIds, mailIds, cartIds } = person;
  if ('account' in find)
    return accountId === undefined ? undefined : sql`${sql.ref(find.account)} = ${accountId}::bigint`;
  if ('order' in find) return anyOf(find.order, orderIds, 'bigint');
  if ('orderSubject' in find)
    return anyOf(
      find.orderSubject,
      orderIds.map((id) => `order:${id}`),
      'text',
    );
  if ('email' in find) return anyOf(sql`lower(${sql.ref(find.email)})`, person.ownEmails, 'text');
  if ('mails' in find) return anyOf(find.mails, mailIds, 'bigint');
  if ('scope' in find) {
    const scopes = accountId === undefined ? [] : [`account:${accountId}`];
    return anyOf(find.scope, [...scopes, ...cartIds.map((id) => `cart:${id}`)], 'text');
  }
  if ('subject' in find) {
    const accounts = accountId === undefined ? [] : [`account:${accountId}`];
    const ofMails = anyOf(find.subject, person.mailSubjects, 'text');
    const own = anyOf(find.subject, [...accounts, ...person.ownEmails.map(mailSubject)], 'text');
    const theirs = ofMails && sql<boolean>`(${ofMails} and job_id = any(${mailIds}::bigint[]))`;
    return own && theirs ? sql`(${own} or ${theirs})` : (own ?? theirs);
  }
  if (find.in === 'outbox') return anyOf(find.by, mailIds, 'bigint');
  if (find.in === 'carts') return anyOf(find.by, cartIds, 'text');
  const parents = rowsOf(find.in, person);
  return parents && sql`${sql.ref(find.by)} in (select id from ${sql.table(find.in)} where ${parents})`;
}

function anyOf(
  column: string | RawBuilder<unknown>,
  values: string[],
  type: 'bigint' | 'text',
): RawBuilder<boolean> | undefined {
  if (values.length === 0) return undefined;
  const of = typeof column === 'string' ? sql.ref(column) : column;
  return sql`${of} = any(${values}::${sql.raw(type)}[])`;
}

function unique(words: string[]): string[] {
  return [...new Set(words.map((word) => word.trim()).filter((word) => word !== ''))];
}
