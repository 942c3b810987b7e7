// A variant's stock: an order takes it exactly once or not at all, and staff set it to an absolute number.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import { notFound, Refusal } from '../../errors.ts';
import { addToOutbox } from '../../outbox/events.ts';
import type { Tx } from '../../schema.ts';
import type { Product } from '../product.ts';
import {
  availablePieces,
  countsStock,
  readProductById,
  sellsWithoutStock,
  toProduct,
} from '../read-product.ts';
import { isId, stockTag } from '../tags.ts';
import { raiseProductStock } from './dirty-versions.ts';

/** Pieces of one variant that an order takes or gives back. */
export interface StockLine {
  variantId: string;
  quantity: number;
}

export interface ShortLine {
  variantId: string;
  /** Available pieces; 0 also for a variant that is no longer sold. */
  available: number;
}

/**
 * Takes all lines or refuses, by one conditional update a variant. Variants that sell beyond their stock count as
 * backordered; uncounted ones stay as they are. Selling out invalidates caches at once, other changes at most once a
 * second.
 * @throws Refusal 409 `out-of-stock` with `lines` (ShortLine[]); the caller must then roll back the transaction.
 */
export async function takeStock(tx: Tx, lines: StockLine[]): Promise<void> {
  const short: ShortLine[] = [];
  const raised: RaisedRow[] = [];
  for (const line of sumLines(lines)) {
    const row = await takeLine(tx, line);
    if (row === undefined)
      short.push({ variantId: line.variantId, available: await readAvailable(tx, line) });
    else if (row.raised) raised.push(row);
  }
  if (short.length > 0) {
    throw new Refusal(409, 'out-of-stock', 'Some pieces are no longer there in that number', {
      details: { lines: short },
    });
  }
  await tell(tx, raised);
}

/** Returns stock. Caches are invalidated at once, because the variant may be on sale again. */
export async function returnStock(tx: Tx, lines: StockLine[]): Promise<void> {
  const raised: RaisedRow[] = [];
  for (const line of sumLines(lines)) {
    const { rows } = await sql<RaisedRow>`
      update variants v set available = available + greatest(${line.quantity} - backordered, 0),
        backordered = greatest(backordered - ${line.quantity}, 0),
        stock_version = stock_version + 1, stock_raised_at = now(), stock_dirty = false
      where id = ${line.variantId} and ${countsStock}
      returning id, product_id, stock_version, true as raised`.execute(tx);
    raised.push(...rows);
  }
  await tell(tx, raised);
}

interface RaisedRow {
  id: string;
  product_id: string;
  stock_version: number;
  raised: boolean;
}

/** Checks and takes one line. The version rises if the stock reaches 0 or its last rise is at least a second ago. */
async function takeLine(tx: Tx, line: StockLine): Promise<RaisedRow | undefined> {
  const { quantity } = line;
  const rises = sql`(${countsStock} and (available = ${quantity} or stock_raised_at <= now() - interval '1 s'))`;
  const { rows } = await sql<RaisedRow>`
    update variants v set
      available = case when ${countsStock} then greatest(available - ${quantity}, 0) else available end,
      backordered = case when ${countsStock} then backordered + greatest(${quantity} - available, 0) else backordered end,
      stock_version = stock_version + case when ${rises} then 1 else 0 end,
      stock_raised_at = case when ${rises} then now() else stock_raised_at end,
      stock_dirty = case when ${countsStock} then not ${rises} else stock_dirty end
    where id = ${line.variantId} and archived_at is null and (available >= ${quantity} or ${sellsWithoutStock})
      and exists (select from products p where p.id = v.product_id and p.status = 'active')
    returning id, product_id, stock_version, ${countsStock} and not stock_dirty as raised`.execute(tx);
  return rows[0];
}

async function readAvailable(tx: Tx, line: StockLine): Promise<number> {
  const row = await tx
    .selectFrom('variants as v')
    .innerJoin('products', 'products.id', 'v.product_id')
    .select('available')
    .where('v.id', '=', line.variantId)
    .where('products.status', '=', 'active')
    .where('v.archived_at', 'is', null)
    .executeTakeFirst();
  return row?.available ?? 0;
}

async function tell(tx: Tx, raised: RaisedRow[]): Promise<void> {
  if (raised.length === 0) return;
  const tags: TagVersions = Object.fromEntries(raised.map((row) => [stockTag(row.id), row.stock_version]));
  Object.assign(
    tags,
    await raiseProductStock(
      tx,
      raised.map((row) => row.product_id),
    ),
  );
  await addToOutbox(tx, 'invalidate', { tags });
}

/** Sums lines of the same variant, in order of id, in which all writers lock. */
function sumLines(lines: StockLine[]): StockLine[] {
  const quantities = new Map<string, number>();
  for (const line of lines) {
    quantities.set(line.variantId, (quantities.get(line.variantId) ?? 0) + line.quantity);
  }
  return [...quantities]
    .map(([variantId, quantity]) => ({ variantId, quantity }))
    .sort((a, b) => (BigInt(a.variantId) < BigInt(b.variantId) ? -1 : 1));
}

/** The result of setting a variant's stock. */
interface StockChange {
  product: Product;
  /** The caller writes the invalidation from these; empty where the number was the same. */
  tags: TagVersions;
  before: { stock: number };
}

/**
 * Sets a variant's stock to an absolute number, for staff. The variant is counted from then on.
 * @param stock whole pieces, 0 to 10,000,000
 * @throws Refusal 404
 */
export async function setStock(tx: Tx, variantId: string, stock: number): Promise<StockChange> {
  const variant = isId(variantId)
    ? await tx
        .selectFrom('variants as v')
        .select([
          'product_id',
          'available',
          'backordered',
          availablePieces.as('shown'),
          countsStock.as('counted'),
        ])
        .where('id', '=', variantId)
        .forNoKeyUpdate()
        .executeTakeFirst()
    : undefined;
  if (variant === undefined) throw notFound('This variant');
  // The staff page shows a number for uncounted variants too. If that number comes back unchanged, the variant stays
  // uncounted.
  const isNews = variant.counted
    ? variant.available !== stock || variant.backordered > 0
    : variant.shown !== stock;
  const tags = isNews ? await writeStock(tx, variantId, variant.product_id, stock) : {};
  const detail = await readProductById(tx, variant.product_id);
  return { product: toProduct(detail!), tags, before: { stock: variant.shown } };
}

async function writeStock(tx: Tx, variantId: string, productId: string, stock: number): Promise<TagVersions> {
  const { rows } = await sql<{ stock_version: number }>`
    update variants set available = ${stock}, backordered = 0, stock_tracked = true, stock_stated = true,
      file_cells = file_cells - '{Variant Inventory Qty,Variant Inventory Tracker}'::text[], stock_version = stock_version + 1, stock_raised_at = now(), stock_dirty = false
    where id = ${variantId} returning stock_version`.execute(tx);
  return { [stockTag(variantId)]: rows[0]!.stock_version, ...(await raiseProductStock(tx, [productId])) };
}
