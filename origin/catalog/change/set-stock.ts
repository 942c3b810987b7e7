// Staff say how many pieces there are: the variant's number becomes that, whatever was sold meanwhile.
import { sql } from 'kysely';
import { notFound } from '../../errors.ts';
import type { TagVersions } from '../../outbox/events.ts';
import type { Tx } from '../../postgres/database.ts';
import type { Product } from '../product.ts';
import { readProductById, toProduct } from '../read-product.ts';
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
        .selectFrom('variants')
        .select(['product_id', 'available'])
        .where('id', '=', variantId)
        .forNoKeyUpdate()
        .executeTakeFirst()
    : undefined;
  if (variant === undefined) throw notFound('This variant');
  const isNews = variant.available !== stock;
  const tags = isNews ? await writeStock(tx, variantId, variant.product_id, stock) : {};
  const detail = await readProductById(tx, variant.product_id);
  return { product: toProduct(detail!), tags, before: { stock: variant.available } };
}

async function writeStock(tx: Tx, variantId: string, productId: string, stock: number): Promise<TagVersions> {
  const { rows } = await sql<{ stock_version: number }>`
    update variants set available = ${stock}, stock_version = stock_version + 1, stock_raised_at = now(), stock_dirty = false
    where id = ${variantId} returning stock_version`.execute(tx);
  return { [stockTag(variantId)]: rows[0]!.stock_version, ...(await raiseProductStock(tx, [productId])) };
}
