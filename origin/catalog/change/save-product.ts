// A product from a file: made, or changed where it differs, found again by its slug and its variants by SKU or options. Saving twice changes nothing.
import { sql } from 'kysely';
import { addToOutbox, type TagVersions } from '../../outbox/events.ts';
import type { Tx } from '../../postgres/database.ts';
import { learnWords } from '../search/suggest-spelling.ts';
import { productStockTag, productTag, slugTag } from '../tags.ts';
import { markSets } from './dirty-versions.ts';
import { ensureCategory } from './ensure-category.ts';
import type { ProductDraft } from './product-draft.ts';
import { refreshListing } from './refresh-listing.ts';
import { saveImages } from './save-images.ts';
import { saveVariants } from './save-variants.ts';

export type SaveOutcome = 'created' | 'changed' | 'unchanged';

export async function saveProduct(tx: Tx, draft: ProductDraft): Promise<SaveOutcome> {
  return (await saveProducts(tx, [draft]))[0]!;
}

/**
 * Also writes the invalidation, one for all. Locks variants, then the product.
 * @throws DraftFault where a SKU belongs to another product; the transaction must then be rolled back
 */
export async function saveProducts(tx: Tx, drafts: ProductDraft[]): Promise<SaveOutcome[]> {
  const saved: Saved[] = [];
  for (const draft of drafts) saved.push(await saveRows(tx, draft));
  const relisted = saved.filter((one) => one.relisted);
  if (relisted.length > 0) {
    const ids = relisted.map((one) => one.id);
    await refreshListing(tx, ids);
    await learnWords(tx, ids);
    await markSets(tx, [...new Set(relisted.flatMap((one) => one.categoryIds))]);
  }
  const tags: TagVersions = Object.assign({}, ...saved.map((one) => one.tags));
  if (Object.keys(tags).length > 0) await addToOutbox(tx, 'invalidate', { tags });
  return saved.map((one) => one.outcome);
}

interface Saved {
  id: string;
  outcome: SaveOutcome;
  /** Whether more than stock differs, so that lists may. */
  relisted: boolean;
  categoryIds: string[];
  tags: TagVersions;
}

async function saveRows(tx: Tx, draft: ProductDraft): Promise<Saved> {
  const category = await ensureCategory(tx, draft.category);
  const known = await findAndLock(tx, draft.slug);
  const row = known ?? (await insertProduct(tx, draft, category.id));
  const variants = await saveVariants(tx, row.id, draft.variants);
  const imagesChanged = await saveImages(tx, row.id, draft.images);
  const ownChanged = known !== undefined && (await updateProduct(tx, draft, category.id, known));
  const changed = ownChanged || imagesChanged || variants.changed;
  const saved = { id: row.id, categoryIds: [category.id, row.category_id] };
  if (known === undefined) {
    const tags = { ...category.tags, ...variants.tags, ...firstTags(row.id, draft.slug) };
    return { ...saved, outcome: 'created', relisted: true, tags };
  }
  if (!changed && !variants.stockChanged) {
    return { ...saved, outcome: 'unchanged', relisted: false, tags: category.tags };
  }
  const tags: TagVersions = { ...category.tags, ...variants.tags };
  const versions = await raise(tx, row.id, { product: changed, stock: variants.stockChanged });
  if (variants.stockChanged) tags[productStockTag(row.id)] = versions.stock_version;
  if (changed) tags[productTag(row.id)] = versions.version;
  if (known.status !== draft.status) tags[slugTag(draft.slug)] = versions.version;
  return { ...saved, outcome: 'changed', relisted: changed, tags };
}

/** What was absent from caches, at the version that a new row begins with. */
function firstTags(id: string, slug: string): TagVersions {
  return { [productTag(id)]: 1, [productStockTag(id)]: 1, [slugTag(slug)]: 1 };
}

interface KnownProduct {
  id: string;
  category_id: string;
  status: string;
}

async function findAndLock(tx: Tx, slug: string): Promise<KnownProduct | undefined> {
  await sql`
    select id from variants where product_id = (select id from products where slug = ${slug})
    order by id for no key update`.execute(tx);
  return tx
    .selectFrom('products')
    .select(['id', 'category_id', 'status'])
    .where('slug', '=', slug)
    .forNoKeyUpdate()
    .executeTakeFirst();
}

async function insertProduct(tx: Tx, draft: ProductDraft, categoryId: string): Promise<KnownProduct> {
  return tx
    .insertInto('products')
    .values({ slug: draft.slug, price_amount: lowestPrice(draft), ...columnsOf(draft, categoryId) })
    .returning(['id', 'category_id', 'status'])
    .executeTakeFirstOrThrow();
}

/** @returns whether anything differed. */
async function updateProduct(
  tx: Tx,
  draft: ProductDraft,
  categoryId: string,
  known: KnownProduct,
): Promise<boolean> {
  const columns = columnsOf(draft, categoryId);
  const result = await tx
    .updateTable('products')
    .set(columns)
    .where('id', '=', known.id)
    .where(
      sql<boolean>`(name, description_html, brand, category_id, product_type, tags, option_names, status)
        is distinct from (${columns.name}, ${columns.description_html}, ${columns.brand}, ${columns.category_id}::bigint,
          ${columns.product_type}, ${columns.tags}::text[], ${columns.option_names}::text[], ${columns.status})`,
    )
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

function columnsOf(draft: ProductDraft, categoryId: string) {
  return {
    name: draft.name,
    description_html: draft.descriptionHtml,
    brand: draft.brand,
    category_id: categoryId,
    product_type: draft.productType,
    tags: draft.tags,
    option_names: draft.optionNames,
    status: draft.status,
  };
}

function lowestPrice(draft: ProductDraft): number {
  return Math.min(...draft.variants.map((variant) => variant.priceAmount));
}

async function raise(tx: Tx, id: string, what: { product: boolean; stock: boolean }) {
  return tx
    .updateTable('products')
    .set({
      version: sql`version + ${what.product ? 1 : 0}`,
      stock_version: sql`stock_version + ${what.stock ? 1 : 0}`,
    })
    .where('id', '=', id)
    .returning(['version', 'stock_version'])
    .executeTakeFirstOrThrow();
}
