// Loads the demo catalog once. It is generated from a seed, so it is the same everywhere.
import { sql } from 'kysely';
import { countProducts } from '../catalog/change/dirty-versions.ts';
import type { ProductDraft } from '../catalog/change/product-draft.ts';
import { saveProducts } from '../catalog/change/save-product.ts';
import { ensureCategory } from '../catalog/change/save-product-parts.ts';
import type { Db, Tx } from '../schema.ts';
import { buildProduct, categoryOf, seededRandom } from './build-product.ts';
import { productLines } from './lines.ts';

const seed = 20_261;
const productsPerTransaction = 60;

export interface DemoOptions {
  onProgress?: (done: number, total: number) => void;
}

/** @returns how many products were made; 0 where the demo catalog stands already. */
export async function loadDemoCatalog(db: Db, options: DemoOptions = {}): Promise<number> {
  const range = buildDemoCatalog();
  const known = await db
    .selectFrom('products')
    .select('slug')
    .where(
      'slug',
      'in',
      range.map((draft) => draft.slug),
    )
    .execute();
  const slugs = new Set(known.map((row) => row.slug));
  const missing = range.filter((draft) => !slugs.has(draft.slug));
  if (missing.length === 0) return 0;
  await db.transaction().execute(makeCategories);
  for (let at = 0; at < missing.length; at += productsPerTransaction) {
    const drafts = missing.slice(at, at + productsPerTransaction);
    await db.transaction().execute(async (tx) => {
      // What a shop begins with is no news to other systems.
      await sql`set local myclothes.events = 'off'`.execute(tx);
      return saveProducts(tx, drafts);
    });
    options.onProgress?.(Math.min(at + productsPerTransaction, missing.length), missing.length);
  }
  await db.transaction().execute(countProducts);
  return missing.length;
}

/** In the order of the range, which is their order in the shop. */
async function makeCategories(tx: Tx): Promise<void> {
  for (const line of productLines) {
    await ensureCategory(tx, categoryOf(line));
  }
}

/** Shuffled, so that what is newest is a bit of everything. */
export function buildDemoCatalog(): ProductDraft[] {
  const random = seededRandom(seed);
  const drafts = productLines.flatMap((line) =>
    Array.from({ length: line.products }, (_, index) => buildProduct(line, index, random)),
  );
  return drafts
    .map((draft) => ({ draft, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ draft }) => draft);
}
