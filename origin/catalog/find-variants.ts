// Finds variants for staff by article number or barcode, as a scanner or another system knows them.
import { sql } from 'kysely';
import type { DbOrTx } from '../schema.ts';
import { z } from '../web/api/api.ts';
import { MoneySchema, money } from '../web/money.ts';
import { availablePieces, countsStock } from './read-product.ts';

const exampleFound = {
  id: '7',
  sku: 'LS-NAVY-M',
  barcode: '4006381333931',
  productId: '3',
  productSlug: 'linen-shirt',
  productName: 'Linen shirt',
  size: 'M',
  color: 'Navy',
  price: { amount: 4_900, currency: 'EUR' },
  stock: 20,
  available: 20,
  archived: false,
};

export const FoundVariantSchema = z
  .object({
    id: z.string(),
    sku: z.string(),
    barcode: z.string().optional(),
    productId: z.string(),
    productSlug: z.string(),
    productName: z.string(),
    size: z.string(),
    color: z.string(),
    price: MoneySchema,
    stock: z.union([z.int(), z.null()]).openapi({ description: 'Null where it is not counted' }),
    available: z.int().min(0).openapi({ description: 'As shoppers see it' }),
    archived: z.boolean(),
  })
  .openapi('FoundVariant', { example: exampleFound });

type FoundVariant = z.infer<typeof FoundVariantSchema>;

const mostFound = 100;

/** Exactly; those on sale first. Indexes: variants_by_sku, variants_by_barcode. */
export async function findVariants(
  db: DbOrTx,
  { sku, barcode }: { sku?: string | undefined; barcode?: string | undefined },
): Promise<FoundVariant[]> {
  const bySku = sku === undefined ? sql`true` : sql`v.sku = ${sku}`;
  const byBarcode =
    barcode === undefined
      ? sql`true`
      : sql`(v.file_cells ->> 'Variant Barcode') = ${barcode} and v.file_cells ? 'Variant Barcode'`;
  const { rows } = await sql<
    Omit<FoundVariant, 'price' | 'barcode'> & { price: number; barcode: string | null }
  >`
    select v.id, v.sku, v.file_cells ->> 'Variant Barcode' as barcode, p.id as "productId", p.slug as "productSlug",
      p.name as "productName", v.size, v.color, v.price_amount as price, ${availablePieces} as available,
      case when ${countsStock} then v.available end as stock,
      v.archived_at is not null or p.status = 'archived' as archived
    from variants v join products p on p.id = v.product_id
    where ${bySku} and ${byBarcode}
    order by archived, v.id limit ${mostFound}`.execute(db);
  return rows.map(({ barcode: ofRow, price, ...row }) => ({
    ...row,
    price: money(price),
    ...(ofRow === null ? {} : { barcode: ofRow }),
  }));
}
