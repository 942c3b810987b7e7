// `ops privacy`: exports or erases the data of guests who ask by letter, and repeats erasures after a restore.
// People with an account do the first two themselves.
import { readFile, writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { sql } from 'kysely';
import { normaliseEmail } from '../../origin/account/account.ts';
import { addToLog } from '../../origin/outbox/change-jobs.ts';
import { retryOnConflict } from '../../origin/postgres/postgres-errors.ts';
import { erasePerson } from '../../origin/privacy/erase-person.ts';
import { type CountedRecords, countRecords, exportPerson } from '../../origin/privacy/export-person.ts';
import { type Person, readPersonOfGuest, readPersonsOfOrders } from '../../origin/privacy/person.ts';
import { eraseAgain, findErasedAgain, readLoggedErasures } from '../../origin/privacy/replay-erasures.ts';
import type { Db } from '../../origin/schema.ts';
import { openDatabase } from '../connect-stores.ts';

/** The name in the log of operators. */
const who = 'the command line';

export function privacyCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('privacy')
    .addCommand(exportCommand(env))
    .addCommand(eraseCommand(env))
    .addCommand(replayCommand(env));
}

interface Exported {
  order?: string;
  output?: string;
}

function exportCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('export')
    .description('Write all that is kept of a guest as JSON: by e-mail, or of one order')
    .argument('[email]', 'as it stands on the orders', readEmail)
    .option('--order <number>', 'this order alone, where the e-mail was mistyped')
    .option('--output <file>', 'a file that only you can read, in place of standard output')
    .action(async (email: string | undefined, { order, output }: Exported, command: Command) => {
      if ((email === undefined) === (order === undefined))
        command.error('error: name an e-mail, or an order by --order');
      await using database = await openDatabase(env);
      const { db } = database;
      const person = email === undefined ? await personOfOrder(db, order!) : await personOfEmail(db, email);
      const records = await exportPerson(db, person);
      const target = await describeOrders(db, person);
      await addToLog(db, { who, action: 'export a guest', target, jobs: null });
      const text = JSON.stringify({ exportedAt: new Date().toISOString(), records }, undefined, 2);
      if (output === undefined) return console.log(text);
      await writeFile(output, text, { mode: 0o600 });
      console.log(`Wrote ${Object.keys(records).length} kinds of records to ${output}`);
    });
}

interface ErasedGuest {
  erased: boolean;
  records: CountedRecords[];
  /** Numbers of orders that are still to be delivered. */
  undelivered: string[];
}

function eraseCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('erase')
    .description('Erase a guest from orders, mails and everything else; without --yes it says what would go')
    .argument('<email>', 'as it stands on the orders', readEmail)
    .option('--yes', 'erase: it cannot be undone')
    .option('--json', 'print one JSON object')
    .action(async (email: string, { yes = false, json }: { yes?: boolean; json?: boolean }) => {
      await using database = await openDatabase(env);
      const { db } = database;
      const person = await personOfEmail(db, email);
      const records = await countRecords(db, person);
      const outcome = {
        erased: yes && records.length > 0,
        records,
        undelivered: await undelivered(db, person),
      };
      if (outcome.erased) await eraseGuest(db, email);
      if (json) return console.log(JSON.stringify(outcome));
      tellErasure(outcome);
    });
}

async function eraseGuest(db: Db, email: string): Promise<void> {
  await retryOnConflict(() =>
    db.transaction().execute(async (tx) => {
      // The orders are read again, because one may have been placed since.
      const person = await readPersonOfGuest(tx, email);
      const target = await describeOrders(tx, person);
      await erasePerson(tx, person);
      await addToLog(tx, { who, action: 'erase a guest', target, jobs: null });
    }),
  );
}

function tellErasure({ erased, records, undelivered: open }: ErasedGuest): void {
  const lines = records.map(
    ({ title, table, rows, erases }) =>
      `${title} (${table}): ${rows} ${rows === 1 ? 'row' : 'rows'}, ${tellErases(erases)}`,
  );
  if (records.length === 0) lines.push('Nothing is kept of this e-mail');
  if (open.length > 0) lines.push(`Not delivered yet, and then without an address: ${open.join(', ')}`);
  if (erased) lines.push('Erased. The worker removes mail files and copies within a minute.');
  else if (records.length > 0) lines.push('Nothing is changed yet: add --yes to erase it');
  for (const line of lines) console.log(line);
}

function tellErases(erases: CountedRecords['erases']): string {
  if (erases === 'rows') return 'which go';
  return erases.length === 0 ? 'which stay, and tell of nobody' : `without ${erases.join(', ')}`;
}

function replayCommand(env: NodeJS.ProcessEnv): Command {
  return new Command('replay')
    .description(
      'After a restore: erase again whom lines of the log tell as erased; without --yes it only looks',
    )
    .argument('<file>', 'lines of the logs of origins and workers since the backup; - reads standard input')
    .option('--yes', 'erase: it cannot be undone')
    .option('--json', 'print one JSON object')
    .action(async (file: string, { yes = false, json }: { yes?: boolean; json?: boolean }) => {
      const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
      const erasures = readLoggedErasures(text);
      await using database = await openDatabase(env);
      const { db } = database;
      const { accounts, guests } = await findErasedAgain(db, erasures);
      const back = [...accounts.map((account) => ({ account })), ...guests.map((guest) => ({ guest }))];
      for (const one of yes ? back : [])
        await retryOnConflict(() => db.transaction().execute((tx) => eraseAgain(tx, one)));
      const counts = { lines: erasures.length, accounts: accounts.length, guests: guests.length };
      if (yes && back.length > 0) {
        const target = `${accounts.length} accounts, ${guests.length} guests`;
        await addToLog(db, { who, action: 'erase again', target, jobs: null });
      }
      if (json) return console.log(JSON.stringify({ erased: yes, ...counts }));
      console.log(`${counts.lines} erasures in the log; back since the restore:`);
      console.log(
        `${counts.accounts} accounts and ${counts.guests} guests${yes ? ', now erased again' : ''}`,
      );
      if (!yes && back.length > 0) console.log('Nothing is changed yet: add --yes to erase them');
    });
}

function readEmail(given: string): string {
  const email = normaliseEmail(given);
  if (!/^\S+@\S+$/.test(email)) throw new InvalidArgumentError('It is no e-mail address.');
  return email;
}

/** @throws Error if the orders belong to an account, whose owner sees and deletes the data */
async function personOfEmail(db: Db, email: string): Promise<Person> {
  const account = await db
    .selectFrom('accounts')
    .select('id')
    .where(sql`lower(email)`, '=', email)
    .where('email_confirmed_at', 'is not', null)
    .executeTakeFirst();
  if (account !== undefined)
    throw new Error(
      `Cannot take ${email} for a guest: the account ${account.id} has this e-mail, and its owner exports and deletes everything at /account`,
    );
  return readPersonOfGuest(db, email);
}

/** @throws Error if the order does not exist or belongs to an account */
async function personOfOrder(db: Db, number: string): Promise<Person> {
  const order = await db
    .selectFrom('orders')
    .select(['id', 'account_id'])
    .where('number', '=', number.trim())
    .executeTakeFirst();
  if (order === undefined) throw new Error(`Cannot find the order '${number}'`);
  if (order.account_id !== null)
    throw new Error(`Cannot take ${number} for a guest's: it belongs to the account ${order.account_id}`);
  return readPersonsOfOrders(db, [order.id]);
}

/** Describes orders for the log by their numbers, without names. */
async function describeOrders(db: Db, { orderIds }: Person): Promise<string> {
  if (orderIds.length === 0) return 'no orders';
  const orders = await db.selectFrom('orders').select('number').where('id', 'in', orderIds).execute();
  return `orders ${orders.map(({ number }) => number).join(', ')}`;
}

async function undelivered(db: Db, { orderIds }: Person): Promise<string[]> {
  if (orderIds.length === 0) return [];
  const orders = await db
    .selectFrom('orders')
    .select('number')
    .where('id', 'in', orderIds)
    .where('status', '!=', 'cancelled')
    .where('fulfilment', '!=', 'delivered')
    .execute();
  return orders.map(({ number }) => number);
}
