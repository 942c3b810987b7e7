// Sets a variant's stock for staff to an absolute number. It is counted from then on, whatever was sold before.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import { notFound } from '../../errors.ts';
import type { Tx } from '../../schema.ts';
import type { Product } from '../product.ts';
import { readProductById, toProduct } from '../read-product.ts';
import { availablePieces, countsStock } from '../stock-rule.ts';
import { isId, stockTag } from '../tags.ts';
import { raiseProductStock } from './dirty-versions.ts';

export interface StockChange {
  product: Product;
  /** For the invalidation, which the caller writes; empty where the number was that already. */
  tags: TagVersions;
  before: { stock: number };
}

/**
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
  // A page that shows what sells without stock sends its number back unchanged: that is no statement of how many
  // there are.
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
