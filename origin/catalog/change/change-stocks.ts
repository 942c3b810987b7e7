// Sets and adds stock by SKU, many rows at once. Rows are independent, and each has its own outcome.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { Tx } from '../../schema.ts';
import { stockTag } from '../tags.ts';
import { raiseProductStock } from './dirty-versions.ts';

export const mostPieces = 10_000_000;

/** Has either `set` or `add`. */
export interface StockRow {
  sku: string;
  set?: number | undefined;
  /** Pieces to add; negative: pieces to subtract. */
  add?: number | undefined;
  /** Refuses the row unless the present stock is this number; null: unless the stock is not counted. */
  expected?: number | null | undefined;
}

export interface StockRowOutcome {
  outcome: 'ok' | 'not-found' | 'ambiguous' | 'conflict' | 'not-counted' | 'out-of-range';
  variantId?: string;
  /** Stock after the row; null where it is not counted. */
  stock?: number | null;
}

export interface ChangedStocks {
  outcomes: StockRowOutcome[];
  tags: TagVersions;
  changed: { variantId: string; before: number | null; after: number }[];
}

interface StockedVariant {
  id: string;
  productId: string;
  sku: string;
  isLive: boolean;
  available: number;
  backordered: number;
  isCounted: boolean;
}

/** Applies rows in their order; several rows may name one SKU. Locks variants by id, then products. */
export async function changeStocks(tx: Tx, rows: StockRow[]): Promise<ChangedStocks> {
  const before = await lockVariantsOf(
    tx,
    rows.map(({ sku }) => sku),
  );
  const bySku = Map.groupBy(before.values(), ({ sku }) => sku);
  const now = new Map<string, StockedVariant>();
  const outcomes = rows.map((row): StockRowOutcome => {
    const named = bySku.get(row.sku) ?? [];
    // An archived variant is chosen only where no other variant has its SKU.
    const live = named.filter(({ isLive }) => isLive);
    const [found, other] = live.length > 0 ? live : named;
    if (found === undefined) return { outcome: 'not-found' };
    if (other !== undefined) return { outcome: 'ambiguous' };
    const variant = now.get(found.id) ?? { ...found };
    now.set(found.id, variant);
    return applyRow(variant, row);
  });
  const changed = [...now.values()].filter((variant) => differs(variant, before.get(variant.id)!));
  const tags = await writeStocks(tx, changed);
  return {
    outcomes,
    tags,
    changed: changed.map(({ id, available }) => ({
      variantId: id,
      before: stockOf(before.get(id)!),
      after: available,
    })),
  };
}

/** Changes `variant` if the row can be applied. */
function applyRow(variant: StockedVariant, { set, add = 0, expected }: StockRow): StockRowOutcome {
  const answer = (outcome: StockRowOutcome['outcome']) => ({
    outcome,
    variantId: variant.id,
    stock: stockOf(variant),
  });
  if (expected !== undefined && expected !== stockOf(variant)) return answer('conflict');
  if (set !== undefined) {
    Object.assign(variant, { available: set, backordered: 0, isCounted: true });
    return answer('ok');
  }
  if (!variant.isCounted) return answer('not-counted');
  // Added pieces first cover what was sold beyond the stock.
  const sold = Math.min(Math.max(add, 0), variant.backordered);
  const available = variant.available + add - sold;
  if (available < 0 || available > mostPieces) return answer('out-of-range');
  Object.assign(variant, { available, backordered: variant.backordered - sold });
  return answer('ok');
}

function stockOf({ isCounted, available }: StockedVariant): number | null {
  return isCounted ? available : null;
}

function differs(one: StockedVariant, other: StockedVariant): boolean {
  return (
    one.available !== other.available ||
    one.backordered !== other.backordered ||
    one.isCounted !== other.isCounted
  );
}

/**
 * Locks in order of id, as all writers do. Index: variants_by_sku.
 * @returns the variants by id
 */
async function lockVariantsOf(tx: Tx, skus: string[]): Promise<Map<string, StockedVariant>> {
  await sql`
    select from variants where sku = any(${[...new Set(skus)]}::text[]) order by id for no key update`.execute(
    tx,
  );
  // This is a second statement, because only it sees the changes that the lock waited for.
  const { rows } = await sql<StockedVariant>`
    select v.id, v.product_id as "productId", v.sku, v.available, v.backordered,
      v.archived_at is null and p.status <> 'archived' as "isLive",
      v.stock_tracked and v.stock_stated as "isCounted"
    from variants v join products p on p.id = v.product_id
    where v.sku = any(${[...new Set(skus)]}::text[])
    order by v.id for no key update of v`.execute(tx);
  return new Map(rows.map((row) => [row.id, row]));
}

async function writeStocks(tx: Tx, changed: StockedVariant[]): Promise<TagVersions> {
  if (changed.length === 0) return {};
  const written = changed.map(({ id, available, backordered }) => ({ id, available, backordered }));
  const { rows } = await sql<{ id: string; stock_version: number }>`
    update variants v set available = n.available, backordered = n.backordered, stock_tracked = true, stock_stated = true,
      file_cells = file_cells - '{Variant Inventory Qty,Variant Inventory Tracker}'::text[],
      stock_version = stock_version + 1, stock_raised_at = now(), stock_dirty = false
    from json_to_recordset(${JSON.stringify(written)}::json) as n (id bigint, available integer, backordered integer)
    where v.id = n.id
    returning v.id, v.stock_version`.execute(tx);
  const tags = Object.fromEntries(rows.map((row) => [stockTag(row.id), row.stock_version]));
  return {
    ...tags,
    ...(await raiseProductStock(tx, [...new Set(changed.map(({ productId }) => productId))])),
  };
}
