// Law: each variant's stock is the last value set, minus sales, plus returns, and never below zero.

import { defineLaw } from './law.ts';
import { readSold, readStock } from './read-stock.ts';

export interface PieceSeen {
  sku: string;
  handle: string;
  available: number;
  /** Undefined where the record knows nothing of it. */
  set: number | undefined;
  soldSince: number;
}

export const stockAddsUp = defineLaw<PieceSeen[]>({
  name: 'stock-adds-up',
  async gather(life) {
    // Nothing is sold between the two questions.
    return life.till.alone(async () => {
      const [stock, sold] = [await readStock(life), await readSold(life)];
      return stock.map(({ id, sku, handle, available }) => {
        const base = life.record.stock.get(id);
        return {
          sku,
          handle,
          available,
          set: base?.set,
          soldSince: (sold.get(id) ?? 0) - (base?.soldBefore ?? 0),
        };
      });
    });
  },
  judge: (pieces) =>
    pieces.flatMap(({ sku, handle, available, set, soldSince }) => {
      if (set === undefined) return [`${sku} of ${handle} came into being though nobody made it`];
      const right = set - soldSince;
      return available === right
        ? []
        : [
            `${sku} of ${handle} has ${available} pieces; it was set to ${set} and ${soldSince} were sold: ${right}`,
          ];
    }),
});
