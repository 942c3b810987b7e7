// Erases a person from every table by the rules of the register. A job removes copies outside of Postgres.
import { type RawBuilder, sql } from 'kysely';
import { deleteAccountCart } from '../cart/account-cart.ts';
import { addToOutbox, mailSubject, type OutboxPayloads } from '../outbox/events.ts';
import type { Tx } from '../schema.ts';
import { type Person, rowsOf } from './person.ts';
import { type How, type PersonalTable, register } from './register.ts';

/** Ids and addresses that may still stand in Redis and in files. */
export type PersonTraces = OutboxPayloads['forget'];

/** After this time, a request that read the session before the commit has stored its copy. */
const forgetAfterMs = 10_000;

/**
 * Erases a person. The caller locks the account first, which keeps the order of all locks. The register says what
 * remains.
 * @returns traces for `forgetTraces` after the commit; the worker forgets them once more
 */
export async function erasePerson(tx: Tx, person: Person): Promise<PersonTraces> {
  const { accountId } = person;
  const carts = accountId === undefined ? [] : await deleteAccountCart(tx, accountId);
  const traces: PersonTraces = {
    account: accountId ?? null,
    carts,
    mailboxes: person.ownEmails.map(mailSubject),
    mails: person.mailIds,
    ...(accountId === undefined && { orders: person.orderIds }),
  };
  await eraseRecords(tx, { ...person, cartIds: [...new Set([...person.cartIds, ...carts])] });
  await addToOutbox(tx, 'forget', traces, { dueAt: new Date(Date.now() + forgetAfterMs) });
  return traces;
}

/** Erases rows in Postgres only. */
export async function eraseRecords(tx: Tx, person: Person): Promise<void> {
  const pattern = patternOf(person.words);
  await redactErrors(tx, person, pattern);
  for (const [name, table] of Object.entries(register)) await eraseRows(tx, name, { table, person, pattern });
}

interface Erasure {
  table: PersonalTable;
  person: Person;
  pattern: string | undefined;
}

async function eraseRows(tx: Tx, name: string, { table, person, pattern }: Erasure): Promise<void> {
  const rows = rowsOf(name, person);
  if (rows === undefined) return;
  if (table.erase === 'rows') {
    await sql`delete from ${sql.table(name)} where ${rows}`.execute(tx);
    return;
  }
  const changes = Object.entries(table.erase).map(
    ([column, how]) => sql`${sql.ref(column)} = ${erased(sql.ref(column), how, pattern)}`,
  );
  if (changes.length > 0)
    await sql`update ${sql.table(name)} set ${sql.join(changes)} where ${rows}`.execute(tx);
}

function erased(column: RawBuilder<unknown>, how: How, pattern: string | undefined): RawBuilder<unknown> {
  switch (how) {
    case 'null':
      return sql`null`;
    case 'empty':
      return sql`''`;
    case 'random':
      return sql`gen_random_uuid()::text`;
    case 'redact':
      return redacted(column, pattern);
    case 'empty if theirs':
      return sql`case who when 'shopper' then '' else ${redacted(column, pattern)} end`;
    case 'without parcels':
      return sql`${column} - 'trackingNumber'`;
    case 'null once decided':
      return sql`case when status in ('reserved', 'pending', 'unknown') then ${column} end`;
  }
}

function redacted(column: RawBuilder<unknown>, pattern: string | undefined): RawBuilder<unknown> {
  return pattern === undefined ? column : sql`regexp_replace(${column}, ${pattern}, '(erased)', 'gi')`;
}

/** Removes the person's words from errors of jobs, such as a provider's answers, and from operators' searches. */
async function redactErrors(tx: Tx, person: Person, pattern: string | undefined): Promise<void> {
  if (pattern === undefined) return;
  await sql`update operator_log set target = ${redacted(sql`target`, pattern)} where target ~* ${pattern}`.execute(
    tx,
  );
  const subjects = person.orderIds.map((id) => `order:${id}`);
  if (subjects.length === 0) return;
  const jobs = sql`select job_id from job_subjects where subject = any(${subjects})`;
  await sql`
    update outbox set failure = ${redacted(sql`failure`, pattern)}
    where id in (${jobs}) and failure ~* ${pattern}`.execute(tx);
  await sql`
    update job_attempts set error = ${redacted(sql`error`, pattern)}
    where job_id in (${jobs}) and error ~* ${pattern}`.execute(tx);
}

/** Shorter words occur inside other words, which would be damaged. */
const shortestWord = 3;

/** @returns a regular expression of Postgres for any of these words, longest first; undefined where there is none */
export function patternOf(words: string[]): string | undefined {
  const long = words.filter((word) => word.length >= shortestWord).sort((a, b) => b.length - a.length);
  if (long.length === 0) return undefined;
  return long
    .map((word) => word.replaceAll(/[^\p{L}\p{N}]/gu, (sign) => (/\s/.test(sign) ? '\\s+' : `\\${sign}`)))
    .join('|');
}
