// Locks, reads and stores a cart inside a longer transaction (sign-in, checkout).
// Several carts must be locked in order of cart id.
import { CompiledQuery, sql } from 'kysely';
import type { Tx } from '../../schema.ts';
import type { CartContents } from '../cart-contents.ts';
import type { RecordedOperation } from './cart-copies.ts';
import { type CartRow, type RunSql, readCartRows } from './cart-statements.ts';

/** @param opIds are looked up, so that an operation that Postgres has is not counted again */
export async function lockCart(tx: Tx, cartId: string, opIds: string[]): Promise<CartRow> {
  // Locks first and reads afterwards. A snapshot from before the lock could be older than the row.
  await tx.selectFrom('carts').select('id').where('id', '=', cartId).forUpdate().execute();
  const [row] = await readCartRows(runIn(tx), [{ cartId, scope: cartId, opIds }]);
  return row!;
}

export async function storeCart(
  tx: Tx,
  cartId: string,
  contents: CartContents,
  recorded: RecordedOperation[],
): Promise<void> {
  await sql`
    insert into carts (id, version, generation, lines, direct_sets)
    values (${cartId}, ${contents.version}, ${contents.generation}, ${JSON.stringify(contents.lines)}, ${JSON.stringify(contents.directSets)})
    on conflict (id) do update set version = excluded.version, generation = excluded.generation,
      lines = excluded.lines, direct_sets = excluded.direct_sets, updated_at = now()`.execute(tx);
  await recordOperations(tx, cartId, contents.version, recorded);
}

/**
 * Marks a guest's cart as merged, and creates its row if it was only a cookie. Late operations need it to find the
 * account's cart.
 */
export async function storeMergedGuest(
  tx: Tx,
  {
    cartId,
    contents,
    into,
    recorded,
  }: { cartId: string; contents: CartContents; into: string; recorded: RecordedOperation[] },
): Promise<void> {
  await storeCart(tx, cartId, contents, recorded);
  await tx.updateTable('carts').set({ merged_into: into }).where('id', '=', cartId).execute();
}

async function recordOperations(
  tx: Tx,
  cartId: string,
  version: number,
  recorded: RecordedOperation[],
): Promise<void> {
  if (recorded.length === 0) return;
  await tx
    .insertInto('cart_operations')
    .values(
      recorded.map(({ opId, fingerprint }) => ({
        cart_id: cartId,
        op_id: opId,
        fingerprint,
        applied_version: version,
      })),
    )
    .execute();
}

/** Runs the writer's statements on Kysely's pool or transaction. */
export function runIn(db: Pick<Tx, 'executeQuery'>): RunSql {
  return async ({ text, values }) => (await db.executeQuery(CompiledQuery.raw(text, values))).rows;
}
