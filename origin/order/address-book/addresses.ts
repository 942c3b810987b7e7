// Keeps the addresses that a shopper saves with the account.
// Checkout fills in the default one. Every query names the account.
import { type Selectable, sql } from 'kysely';
import { notFound, Refusal } from '../../errors.ts';
import type { Db, DbOrTx, Tx } from '../../schema.ts';
import { idPattern, z } from '../../web/api/api.ts';
import { type IdempotentWrite, writeOnce } from '../../web/api/idempotency.ts';
import { exampleAddress, type KeptAddress, OrderBillingAddressSchema } from '../shipping-address.ts';
import type { OrderTables } from '../tables.ts';

export const AddressSchema = z
  .object({ id: z.string(), ...OrderBillingAddressSchema.shape, isDefault: z.boolean() })
  .openapi('Address', { example: { id: '3', ...exampleAddress, isDefault: true } });
export type AddressOfBook = z.infer<typeof AddressSchema>;

export const mostAddresses = 50;

export interface AddressWrite extends IdempotentWrite {
  accountId: string;
}

export interface AddressToKeep {
  address: KeptAddress;
  isDefault?: boolean | undefined;
}

/** Lists the default first, then the others in the order in which they were added. Index: addresses_by_account */
export async function listAddresses(db: DbOrTx, accountId: string): Promise<AddressOfBook[]> {
  const rows = await db
    .selectFrom('addresses')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('is_default', 'desc')
    .orderBy('id')
    .execute();
  return rows.map(toAddress);
}

function toAddress({ id, address, is_default }: Selectable<OrderTables['addresses']>): AddressOfBook {
  return { id, ...address, isDefault: is_default };
}

/** @throws Refusal 404, also where the address belongs to another account */
async function readAddress(db: DbOrTx, accountId: string, id: string): Promise<AddressOfBook> {
  const row = idPattern.test(id)
    ? await db
        .selectFrom('addresses')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('id', '=', id)
        .executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This address');
  return toAddress(row);
}

/** @throws Refusal 422 `invalid-body` where the book is full */
export async function addAddress(db: Db, write: AddressWrite, given: AddressToKeep): Promise<AddressOfBook> {
  const { accountId } = write;
  const id = await writeOnce(db, write, (tx) => insertAddress(tx, accountId, given));
  return readAddress(db, accountId, id);
}

async function insertAddress(tx: Tx, accountId: string, given: AddressToKeep): Promise<string> {
  await lockBook(tx, accountId);
  const known = await listAddresses(tx, accountId);
  if (known.length >= mostAddresses)
    throw new Refusal(422, 'invalid-body', `There are ${mostAddresses} addresses already; remove one first`);
  const { id } = await tx
    .insertInto('addresses')
    .values({ account_id: accountId, address: JSON.stringify(given.address) })
    .returning('id')
    .executeTakeFirstOrThrow();
  if (given.isDefault === true || known.length === 0) await makeDefault(tx, accountId, id);
  return id;
}

/** @throws Refusal 404 */
export async function changeAddress(
  db: Db,
  write: AddressWrite,
  id: string,
  given: AddressToKeep,
): Promise<AddressOfBook> {
  const { accountId } = write;
  await writeOnce(db, write, async (tx) => {
    await lockBook(tx, accountId);
    await readAddress(tx, accountId, id);
    await tx
      .updateTable('addresses')
      .set({ address: JSON.stringify(given.address) })
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .execute();
    if (given.isDefault === true) await makeDefault(tx, accountId, id);
  });
  return readAddress(db, accountId, id);
}

/** @throws Refusal 404 */
export async function chooseDefault(db: Db, write: AddressWrite, id: string): Promise<void> {
  const { accountId } = write;
  await writeOnce(db, write, async (tx) => {
    await lockBook(tx, accountId);
    await readAddress(tx, accountId, id);
    await makeDefault(tx, accountId, id);
  });
}

/** Removes an address. If it was the default, the newest of the others becomes the default. @throws Refusal 404 */
export async function removeAddress(db: Db, write: AddressWrite, id: string): Promise<void> {
  const { accountId } = write;
  await writeOnce(db, write, async (tx) => {
    await lockBook(tx, accountId);
    const { isDefault } = await readAddress(tx, accountId, id);
    await tx.deleteFrom('addresses').where('account_id', '=', accountId).where('id', '=', id).execute();
    const next = isDefault ? (await listAddresses(tx, accountId)).at(-1) : undefined;
    if (next !== undefined) await makeDefault(tx, accountId, next.id);
  });
}

/**
 * Keeps the address of an order when its shopper asked for that. Adds nothing if the book has it already or is full.
 */
export async function keepAddress(db: Db, accountId: string, address: KeptAddress): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await lockBook(tx, accountId);
    const { rows } = await sql<{ isKnown: boolean; count: number }>`
      select coalesce(bool_or(address = ${JSON.stringify(address)}::jsonb), false) as "isKnown",
        count(*)::integer as count
      from addresses where account_id = ${accountId}`.execute(tx);
    const { isKnown, count } = rows[0]!;
    if (!isKnown && count < mostAddresses) await insertAddress(tx, accountId, { address });
  });
}

/**
 * Locks the account, so that two changes of one address book wait for each other. @throws Refusal 404 where the
 * account is gone
 */
async function lockBook(tx: Tx, accountId: string): Promise<void> {
  const account = await tx
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', accountId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (account === undefined) throw notFound('This account');
}

async function makeDefault(tx: Tx, accountId: string, id: string): Promise<void> {
  // The old default is cleared first, because the account may never have two.
  await tx
    .updateTable('addresses')
    .set({ is_default: false })
    .where('account_id', '=', accountId)
    .where('is_default', '=', true)
    .execute();
  await tx
    .updateTable('addresses')
    .set({ is_default: true })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .execute();
}
