// SQL on a row `v` of `variants`: whether it sells without stock, how many pieces are shown, how many can be ordered.
import { sql } from 'kysely';

/** Shown for a variant that sells without stock: as many as one line of a cart holds. */
export const endlessPieces = 99;

/** Whether sales are taken from its number. Without a tracker, or without a number, there is nothing to count. */
export const countsStock = sql<boolean>`(v.stock_tracked and v.stock_stated)`;

export const sellsWithoutStock = sql<boolean>`(not ${countsStock} or v.sells_beyond_stock)`;

/** Whole pieces on the shelf. A variant that sells without stock is never shown as sold out. */
export const availablePieces = sql<number>`
  case when not ${countsStock} or (v.sells_beyond_stock and v.available = 0) then ${sql.lit(endlessPieces)} else v.available end`;

/** Whole pieces that one order may take. */
export const orderablePieces = sql<number>`
  case when not ${countsStock} then ${sql.lit(endlessPieces)}
    when v.sells_beyond_stock then greatest(v.available, ${sql.lit(endlessPieces)}) else v.available end`;
