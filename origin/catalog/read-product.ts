// Reads one product with its variants, or finds variants for staff by article number or barcode.
import { sql } from 'kysely';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Fresh } from '../cache/entry.ts';
import type { DbOrTx } from '../schema.ts';
import { z } from '../web/api/api.ts';
import { type Money, MoneySchema, money } from '../web/money.ts';
import { type Image, imageOrPlaceholder, type Product, type ProductDetail } from './product.ts';
import { type ProductFacts, tellFacts } from './product-facts.ts';
import { htmlToText } from './product-text.ts';
import { isSlug, productStockTag, productTag, slugTag, stockTag } from './tags.ts';

/**
 * Reads one product with its variants and pictures, or the fact that it is absent, with the tags of a cached
 * answer.
 * @returns undefined for an absent or archived product, with the tag that is raised when that changes
 */
export async function readProduct(db: DbOrTx, slug: string): Promise<Fresh<ProductDetail | undefined>> {
  if (!isSlug(slug)) return { value: undefined, tags: {} };
  const row = await readRow(db, { slug });
  if (row === undefined || row.status !== 'active') {
    return { value: undefined, tags: { [slugTag(slug)]: row?.version ?? 0 } };
  }
  return { value: toDetail(row), tags: tagsOf(row), until: untilOf(row.flips_at) };
}

/** Reads a product by id, also an archived one, for staff and writers. */
export async function readProductById(db: DbOrTx, id: string): Promise<ProductDetail | undefined> {
  const row = await readRow(db, { id });
  return row && toDetail(row);
}

/** The members that the API answers, without those that only the page shows. */
export function toProduct(detail: ProductDetail): Product {
  const { descriptionHtml: _, ...product } = detail;
  return product;
}

interface VariantRow {
  id: string;
  sku: string;
  size: string;
  color: string;
  price: number;
  available: number;
  stockVersion: number;
  imageUrl: string | null;
}

interface ProductRow {
  id: string;
  slug: string;
  name: string;
  description_html: string;
  brand: string;
  category: string;
  status: string;
  version: number;
  stock_version: number;
  price_amount: number;
  was_amount: number | null;
  flips_at: Date | null;
  facts: ProductFacts;
  variants: VariantRow[];
  images: Image[];
}

/** One statement reads all, so that product, variants and stock are of the same moment. */
async function readRow(db: DbOrTx, by: { slug: string } | { id: string }): Promise<ProductRow | undefined> {
  const condition = 'slug' in by ? sql`p.slug = ${by.slug}` : sql`p.id = ${by.id}`;
  const { rows } = await sql<ProductRow>`
    select p.id, p.slug, p.name, p.description_html, p.brand, c.slug as category, p.status, p.version, p.stock_version, p.price_amount, p.was_amount,
      p.flips_at, p.facts,
      coalesce((
        select json_agg(json_build_object('id', v.id::text, 'sku', v.sku, 'size', v.size, 'color', v.color,
          'price', v.price_amount, 'available', ${availablePieces}, 'stockVersion', v.stock_version, 'imageUrl', v.image_url)
          order by v.position, v.id)
        from variants v where v.product_id = p.id and v.archived_at is null), '[]') as variants,
      coalesce((
        select json_agg(json_build_object('url', i.url, 'alt', coalesce(nullif(i.alt, ''), p.name)) order by i.position, i.id)
        from product_images i where i.product_id = p.id), '[]') as images
    from products p join categories c on c.id = p.category_id
    where ${condition}`.execute(db);
  return rows[0];
}

function toDetail(row: ProductRow): ProductDetail {
  const pictures = picturesByColor(row.variants);
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    description: htmlToText(row.description_html),
    descriptionHtml: row.description_html,
    brand: row.brand,
    category: row.category,
    version: row.version,
    price: money(row.price_amount),
    ...wasOf(row),
    ...tellFacts(row.facts),
    images: row.images.length > 0 ? row.images : [imageOrPlaceholder(undefined, row.name)],
    variants: row.variants.map((variant) => {
      const imageUrl = variant.imageUrl ?? pictures.get(variant.color);
      return {
        id: variant.id,
        sku: variant.sku,
        size: variant.size,
        color: variant.color,
        price: money(variant.price),
        available: variant.available,
        ...(imageUrl === undefined ? {} : { imageUrl }),
      };
    }),
  };
}

/** Absent where the price is no longer below `was`: the cheapest variant may have left the shop. */
export function wasOf(row: { price_amount: number; was_amount: number | null }): { was?: Money } {
  const { price_amount: price, was_amount: was } = row;
  return was === null || was <= price ? {} : { was: money(was) };
}

/** SQL: when a sale begins or ends next. Index: products_by_flip. */
export const nextFlip = sql<Date | null>`(select min(flips_at) from products where flips_at is not null)`;

/** The price that was read is valid until then: the next begin or end of a sale. */
export function untilOf(flipsAt: Date | null | undefined): number | undefined {
  return flipsAt?.getTime();
}

/** By colour: its first picture. Files often name it at only one of the colour's sizes. */
function picturesByColor(variants: VariantRow[]): Map<string, string> {
  const pictures = new Map<string, string>();
  for (const { color, imageUrl } of variants) {
    if (imageUrl !== null && color !== '' && !pictures.has(color)) pictures.set(color, imageUrl);
  }
  return pictures;
}

/** Proxies limit header fields to a few kilobytes. Beyond this number, one tag of all the product's stock is used. */
const mostStockTags = 40;

function tagsOf(row: ProductRow): TagVersions {
  const tags: TagVersions = { [productTag(row.id)]: row.version };
  if (row.variants.length > mostStockTags) return { ...tags, [productStockTag(row.id)]: row.stock_version };
  for (const variant of row.variants) tags[stockTag(variant.id)] = variant.stockVersion;
  return tags;
}

// SQL on a row `v` of `variants`: whether it sells without stock, how many pieces are shown, how many can be ordered.

/** Number shown for a variant that sells without stock: the most that one cart line holds. */
const endlessPieces = 99;

/** Whether sales reduce its number. Without a tracker or a number there is nothing to count. */
export const countsStock = sql<boolean>`(v.stock_tracked and v.stock_stated)`;

export const sellsWithoutStock = sql<boolean>`(not ${countsStock} or v.sells_beyond_stock)`;

/** Whole pieces on the shelf. A variant that sells without stock is never shown as sold out. */
export const availablePieces = sql<number>`
  case when not ${countsStock} or (v.sells_beyond_stock and v.available = 0) then ${sql.lit(endlessPieces)} else v.available end`;

/** The column of the product file, by Shopify's name. `v` is a row of `variants`. */
export const barcode = sql<string | null>`v.file_cells ->> 'Variant Barcode'`;

/** Whole pieces that one order may take. */
export const orderablePieces = sql<number>`
  case when not ${countsStock} then ${sql.lit(endlessPieces)}
    when v.sells_beyond_stock then greatest(v.available, ${sql.lit(endlessPieces)}) else v.available end`;

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

/** Finds variants for staff by article number or barcode, as a scanner or another system knows them. */
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

/** Matches exactly, and lists variants on sale first. Indexes: variants_by_sku, variants_by_barcode. */
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
