// Reads and writes a batch of carts by SQL statements.
// Each is its own transaction, so an abandoned client is never inside one. A write applies only to a cart whose version
// is still the one that was read. Every recorded operation id raises the version.
import type { CartContents, CartLine, DirectSets } from '../cart-contents.ts';
import type { RecordedOperation } from './cart-copies.ts';

/** Runs one statement, by a client of the writer, by a pool or in a transaction. */
export type RunSql = (query: { name: string; text: string; values: unknown[] }) => Promise<unknown[]>;

export interface AskedCart {
  /** The cart whose row is read. */
  cartId: string;
  /**
   * The cart to which the op ids were given. It is a guest's cart where late operations follow it to the account's
   * cart.
   */
  scope: string;
  opIds: string[];
}

export interface CartRow {
  contents: CartContents;
  exists: boolean;
  mergedInto: string | undefined;
  accountId: string | undefined;
  /** Fingerprints by op id of those asked operations that the cart has. */
  known: Map<string, string>;
}

export interface CartWrite {
  cartId: string;
  scope: string;
  exists: boolean;
  versionBefore: number;
  contents: CartContents;
  recorded: RecordedOperation[];
}

interface ReadRow {
  version: number | null;
  generation: number;
  lines: CartLine[];
  direct_sets: DirectSets;
  merged_into: string | null;
  account_id: string | null;
  known: Record<string, string>;
}

// Both subqueries run by primary key; one statement is one snapshot of a cart and its op ids.
const readText = `
select carts.version, carts.generation, carts.lines, carts.direct_sets, carts.merged_into, carts.account_id,
  (select coalesce(json_object_agg(o.op_id, o.fingerprint), '{}') from cart_operations o
   where o.cart_id = asked.scope and o.op_id = any(string_to_array(asked.op_ids, ' '))) as known
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as asked(cart_id, scope, op_ids, position)
left join carts on carts.id = asked.cart_id
order by asked.position`;

/** @returns one row for each asked cart, in their order. */
export async function readCartRows(run: RunSql, asked: AskedCart[]): Promise<CartRow[]> {
  const rows = (await run({
    name: 'read-carts',
    text: readText,
    values: [
      asked.map((cart) => cart.cartId),
      asked.map((cart) => cart.scope),
      asked.map((cart) => cart.opIds.join(' ')),
    ],
  })) as ReadRow[];
  return rows.map(toCartRow);
}

function toCartRow(row: ReadRow): CartRow {
  const known = new Map(Object.entries(row.known));
  if (row.version === null) {
    const contents = { version: 0, generation: 1, lines: [], directSets: {} };
    return { contents, exists: false, mergedInto: undefined, accountId: undefined, known };
  }
  return {
    contents: {
      version: row.version,
      generation: row.generation,
      lines: row.lines,
      directSets: row.direct_sets,
    },
    exists: true,
    mergedInto: row.merged_into ?? undefined,
    accountId: row.account_id ?? undefined,
    known,
  };
}

// Leaves out a row that is locked, that changed since it was read, or that already has one of the op ids. Its cart
// comes again with the next batch. Rows are locked in order of id and never waited for, so that batches cannot
// deadlock.
const writeText = `
with operation as (
  select * from unnest($7::text[], $8::text[], $9::text[], $10::text[]) as o(cart_id, scope, op_id, fingerprint)
), change as (
  select * from unnest($1::text[], $2::boolean[], $3::integer[], $4::integer[], $5::text[], $6::text[])
    as c(id, is_new, version_before, version, lines, direct_sets)
), locked as (
  select carts.id from carts join change on change.id = carts.id
  where not change.is_new and carts.version = change.version_before and (
    select count(*) from operation join cart_operations known
      on known.cart_id = operation.scope and known.op_id = operation.op_id
    where operation.cart_id = change.id) = 0
  order by carts.id for update of carts skip locked
), updated as (
  update carts set version = change.version, lines = change.lines::jsonb,
    direct_sets = change.direct_sets::jsonb, updated_at = now()
  from change join locked on locked.id = change.id where carts.id = change.id
  returning carts.id, carts.version
), created as (
  insert into carts (id, version, lines, direct_sets)
  select id, version, lines::jsonb, direct_sets::jsonb from change where is_new order by id
  on conflict (id) do nothing returning id, version
), written as (
  select id, version from updated union all select id, version from created
), recorded as (
  insert into cart_operations (cart_id, op_id, fingerprint, applied_version)
  select operation.scope, operation.op_id, operation.fingerprint, written.version
  from operation join written on written.id = operation.cart_id
)
select id from written`;

/** Writes each cart whole or not at all. @returns the ids of the carts that were written */
export async function writeCarts(run: RunSql, writes: CartWrite[]): Promise<Set<string>> {
  const operations = writes.flatMap((write) =>
    write.recorded.map((operation) => ({ cartId: write.cartId, scope: write.scope, ...operation })),
  );
  const rows = (await run({
    name: 'write-carts',
    text: writeText,
    values: [
      writes.map((write) => write.cartId),
      writes.map((write) => !write.exists),
      writes.map((write) => write.versionBefore),
      writes.map((write) => write.contents.version),
      writes.map((write) => JSON.stringify(write.contents.lines)),
      writes.map((write) => JSON.stringify(write.contents.directSets)),
      operations.map((operation) => operation.cartId),
      operations.map((operation) => operation.scope),
      operations.map((operation) => operation.opId),
      operations.map((operation) => operation.fingerprint),
    ],
  })) as { id: string }[];
  return new Set(rows.map((row) => row.id));
}

export interface CartInFull {
  contents: CartContents;
  merged: boolean;
  operations: RecordedOperation[];
  known: string[];
}

// Finds operations by the first column of the primary key. It runs only where a copy is missing. One statement is one
// snapshot, so that the copy has exactly the ids of its version.
const inFullText = `
select carts.version, carts.generation, carts.lines, carts.direct_sets, carts.merged_into,
  (select coalesce(json_agg(o), '[]') from (
    select op_id as "opId", fingerprint from cart_operations
    where cart_id = carts.id order by applied_version desc, created_at desc limit 64) o) as operations,
  (select coalesce(json_agg(op_id), '[]') from cart_operations where cart_id = carts.id and op_id = any($2)) as known
from carts where id = $1`;

/**
 * @param asked op ids
 * @returns a cart as a copy holds it, with its newest 64 operations and those asked ids that it has; undefined where
 * it does not exist
 */
export async function readCartInFull(
  run: RunSql,
  cartId: string,
  asked: string[],
): Promise<CartInFull | undefined> {
  const [row] = (await run({
    name: 'read-cart-in-full',
    text: inFullText,
    values: [cartId, asked],
  })) as (Omit<ReadRow, 'version' | 'known'> & {
    version: number;
    operations: RecordedOperation[];
    known: string[];
  })[];
  if (row === undefined) return undefined;
  const { version, generation, lines, direct_sets: directSets, merged_into } = row;
  const { operations, known } = row;
  return {
    contents: { version, generation, lines, directSets },
    merged: merged_into !== null,
    operations,
    known,
  };
}
