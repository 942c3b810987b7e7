// Reads orders and stock from Postgres, to compare them with the drill's own record.
import type { Life } from '../life.ts';
import { askPostgres } from '../shop/living-shop.ts';

/** Pieces in orders that stand, by variant: those of orders that were cancelled are back. */
export async function readSold(life: Life, variantIds?: string[]): Promise<Map<string, number>> {
  const rows = await askPostgres<{ variant_id: string; sold: number }>(
    life.shop,
    `select l.variant_id, sum(l.quantity)::integer as sold
     from order_lines l join orders o on o.id = l.order_id
     where o.status <> 'cancelled' and ($1::bigint[] is null or l.variant_id = any($1::bigint[]))
     group by l.variant_id`,
    [variantIds ?? null],
  );
  return new Map(rows.map(({ variant_id, sold }) => [variant_id, sold]));
}

export interface StockRow {
  id: string;
  sku: string;
  handle: string;
  available: number;
}

export function readStock(life: Life): Promise<StockRow[]> {
  return askPostgres<StockRow>(
    life.shop,
    `select v.id, v.sku, p.slug as handle, v.available from variants v join products p on p.id = v.product_id order by v.id`,
  );
}
