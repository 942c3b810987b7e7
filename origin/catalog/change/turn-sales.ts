// Begins and ends due sales: the worker does so at the moment, and a reader of an overdue price does so too.
import { type Selectable, sql } from 'kysely';
import type { Logger } from 'pino';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { Floors } from '../../invalidation/floors.ts';
import { addToOutbox, type WakeWorker } from '../../outbox/events.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import type { Db, Tx } from '../../schema.ts';
import type { CatalogTables } from '../tables.ts';
import { productTag } from '../tags.ts';
import { markSets } from './dirty-versions.ts';

export type SaleRow = Selectable<CatalogTables['product_sales']>;

/** Products per transaction. The bound keeps locks short. */
const atOnce = 100;

interface SaleDeps {
  db: Db;
  floors: Pick<Floors, 'raise'>;
  wakeWorker: WakeWorker;
  log: Logger;
}

/** @param nowMs milliseconds since 1970 */
export async function turnDueSales({ db, floors, wakeWorker, log }: SaleDeps, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  for (;;) {
    // Index: products_by_flip.
    const due = await db
      .selectFrom('products')
      .select('id')
      .where('flips_at', '<=', now)
      .orderBy('flips_at')
      .limit(atOnce)
      .execute();
    if (due.length === 0) return;
    const ids = due.map(({ id }) => id);
    const tags = await retryOnConflict(() => db.transaction().execute((tx) => turnSalesOf(tx, ids, nowMs)));
    wakeWorker();
    // From here on, cached rows from a replica that lags are refused. The worker also raises the floors, and purges
    // the edges.
    await floors
      .raise(tags)
      .catch((error: unknown) => log.warn({ err: error }, 'the worker raises these floors'));
  }
}

/** @returns the raised tags; their invalidation is written already */
async function turnSalesOf(tx: Tx, productIds: string[], nowMs: number): Promise<TagVersions> {
  await lockProducts(tx, productIds);
  const tags: TagVersions = {};
  for (const id of productIds) Object.assign(tags, await turnProduct(tx, id, nowMs));
  if (Object.keys(tags).length > 0) await addToOutbox(tx, 'invalidate', { tags });
  return tags;
}

/** Locks variants by id, then products by id. All writers lock in this order. */
export async function lockProducts(tx: Tx, productIds: string[]): Promise<void> {
  const ids = sql`any(${productIds}::bigint[])`;
  await sql`select id from variants where product_id = ${ids} order by id for no key update`.execute(tx);
  await sql`select id from products where id = ${ids} order by id for no key update`.execute(tx);
}

/** Begins and ends all due sales of a locked product, in order. @returns no tags where nothing was due */
export async function turnProduct(tx: Tx, productId: string, nowMs: number): Promise<TagVersions> {
  let turned = 0;
  for (;;) {
    const turn = nextTurn(await readOpenSales(tx, productId));
    if (turn === undefined || turn.at.getTime() > nowMs)
      return turned === 0 ? {} : raiseProduct(tx, productId, turn?.at);
    if (turn.begins) await beginSale(tx, turn.sale, turn.at);
    else await endSale(tx, turn.sale, turn.at);
    turned += 1;
  }
}

/** Updates the moment of the product's next sale change, after a sale was planned or ended. */
export async function refreshFlip(tx: Tx, productId: string): Promise<TagVersions> {
  return raiseProduct(tx, productId, nextTurn(await readOpenSales(tx, productId))?.at);
}

/** Reads the planned and running sales. */
export function readOpenSales(tx: Tx, productId: string): Promise<SaleRow[]> {
  return tx
    .selectFrom('product_sales')
    .selectAll()
    .where('product_id', '=', productId)
    .where('state', 'in', ['planned', 'running'])
    .orderBy('starts_at')
    .execute();
}

interface Turn {
  at: Date;
  begins: boolean;
  sale: SaleRow;
}

/** Finds the next start or end. Where one sale ends as another begins, the end comes first. */
function nextTurn(open: SaleRow[]): Turn | undefined {
  const turns = open.flatMap((sale): Turn[] => {
    if (sale.state === 'planned') return [{ at: sale.starts_at, begins: true, sale }];
    return sale.ends_at === null ? [] : [{ at: sale.ends_at, begins: false, sale }];
  });
  return turns.sort((a, b) => a.at.getTime() - b.at.getTime() || Number(a.begins) - Number(b.begins))[0];
}

/** `was` is computed by the legal rule when the sale begins, whatever was planned. */
async function beginSale(tx: Tx, sale: SaleRow, at: Date): Promise<void> {
  const { product_id: productId, price_amount: amount } = sale;
  const lowest = await readLowestPrice(tx, productId, at);
  await sayWhen(tx, at);
  await sql`
    update variants set regular_amount = price_amount, price_amount = least(price_amount, ${amount})
    where product_id = ${productId}`.execute(tx);
  const price = await refreshPrice(tx, productId);
  const was = lowest !== undefined && lowest > Math.max(price, amount) ? lowest : null;
  await tx.updateTable('products').set({ was_amount: was }).where('id', '=', productId).execute();
  await tx
    .updateTable('product_sales')
    .set({ state: 'running', was_amount: was })
    .where('id', '=', sale.id)
    .execute();
  await sayWhen(tx, undefined);
}

/** @param at the moment of the end, which may be earlier than planned */
export async function endSale(tx: Tx, sale: SaleRow, at: Date): Promise<void> {
  await sayWhen(tx, at);
  await sql`
    update variants set price_amount = regular_amount, regular_amount = null
    where product_id = ${sale.product_id} and regular_amount is not null`.execute(tx);
  await refreshPrice(tx, sale.product_id);
  await tx.updateTable('products').set({ was_amount: null }).where('id', '=', sale.product_id).execute();
  await tx
    .updateTable('product_sales')
    .set({ state: 'ended', ended_at: at })
    .where('id', '=', sale.id)
    .execute();
  await sayWhen(tx, undefined);
}

/** Tells the trigger that keeps ended prices when the change was due, and that it ends no sale. Undefined resets it. */
export async function sayWhen(tx: Tx, at: Date | undefined): Promise<void> {
  await sql`select set_config('shop.sale_turns_at', ${at?.toISOString() ?? ''}, true)`.execute(tx);
}

/** @returns the lowest price of the variants on sale, in minor units */
async function refreshPrice(tx: Tx, productId: string): Promise<number> {
  const { rows } = await sql<{ price: number }>`
    update products set price_amount = coalesce((
      select min(price_amount) from variants where product_id = ${productId} and archived_at is null), price_amount)
    where id = ${productId} returning price_amount as price`.execute(tx);
  return rows[0]!.price;
}

/** Invalidates everything that shows the product, and plans its next price change. */
async function raiseProduct(tx: Tx, productId: string, flipsAt: Date | undefined): Promise<TagVersions> {
  const { version, category_id } = await tx
    .updateTable('products')
    .set({ version: sql`version + 1`, flips_at: flipsAt ?? null })
    .where('id', '=', productId)
    .returning(['version', 'category_id'])
    .executeTakeFirstOrThrow();
  if (flipsAt !== undefined)
    await addToOutbox(tx, 'turn-sales', { productId, at: flipsAt.toISOString() }, { dueAt: flipsAt });
  await markSets(tx, [category_id]);
  return { [productTag(productId)]: version };
}

const daysBeforeReduction = 30;

/**
 * Finds the lowest price of all variants on sale in the 30 days before. Source: Directive 98/6/EC, Article 6a.
 * @returns minor units
 */
export async function readLowestPrice(tx: Tx, productId: string, at: Date): Promise<number | undefined> {
  const { rows } = await sql<{ lowest: number | null }>`
    select min(least(v.price_amount, (
      select min(h.amount) from variant_prices h
      where h.variant_id = v.id and h.until > ${at}::timestamptz - make_interval(days => ${daysBeforeReduction})
    ))) as lowest
    from variants v where v.product_id = ${productId} and v.archived_at is null`.execute(tx);
  return rows[0]?.lowest ?? undefined;
}
