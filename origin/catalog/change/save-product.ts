// Creates or updates products from drafts.
// Members that a draft does not state stay. Saving the same draft twice changes nothing.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import { addToOutbox, type OutboxCause } from '../../outbox/events.ts';
import type { Tx } from '../../schema.ts';
import { isSameFacts, mergeFacts, type ProductFacts } from '../product-facts.ts';
import { learnWords } from '../search/suggest-spelling.ts';
import { productStockTag, productTag, slugTag } from '../tags.ts';
import { markSets } from './dirty-versions.ts';
import { isSameList } from './match-variants.ts';
import {
  type Cells,
  columnsOfVariants,
  type ImportNotice,
  isSameRows,
  type Lifecycle,
  mergeFileRows,
  type PartialProduct,
} from './product-draft.ts';
import { ensureCategory, type KnownImage, refreshListing, saveImages } from './save-product-parts.ts';
import {
  type KnownVariant,
  planVariants,
  readVariantsOf,
  saveVariants,
  type VariantPlan,
} from './save-variants.ts';

export type SaveOutcome = 'created' | 'changed' | 'unchanged' | 'refused';

export interface SavedProduct {
  /** `refused`: nothing of the product was written, and `notices` gives the reason. */
  outcome: SaveOutcome;
  notices: ImportNotice[];
}

export async function saveProduct(tx: Tx, draft: PartialProduct): Promise<SaveOutcome> {
  return (await saveProducts(tx, [draft]))[0]!.outcome;
}

/** Saves products and writes one invalidation for all. Locks variants, then products, by id. Slugs must be distinct. */
export async function saveProducts(
  tx: Tx,
  drafts: PartialProduct[],
  cause?: OutboxCause,
): Promise<SavedProduct[]> {
  const known = await readKnown(tx, drafts);
  const saved: Saved[] = [];
  for (const draft of drafts) {
    const product =
      known.get(draft.slug) ?? (draft.formerSlug === undefined ? undefined : known.get(draft.formerSlug));
    saved.push(await saveOne(tx, draft, product));
  }
  const relisted = saved.filter((one) => one.relisted !== undefined);
  if (relisted.length > 0) {
    const ids = relisted.map((one) => one.relisted!.id);
    await refreshListing(tx, ids);
    await learnWords(tx, ids);
    await markSets(tx, [...new Set(relisted.flatMap((one) => one.relisted!.categoryIds))]);
  }
  const tags: TagVersions = Object.assign({}, ...saved.map((one) => one.tags));
  if (Object.keys(tags).length > 0) await addToOutbox(tx, 'invalidate', { tags }, { cause });
  return saved.map(({ outcome, notices }) => ({ outcome, notices }));
}

interface Saved extends SavedProduct {
  tags: TagVersions;
  /** Present where more than stock changed, so that lists may change. */
  relisted?: { id: string; categoryIds: string[] };
}

interface ProductRow {
  slug: string;
  name: string;
  description_html: string;
  brand: string;
  product_type: string;
  tags: string[];
  option_names: string[];
  status: 'active' | 'hidden' | 'draft' | 'archived';
  published: boolean;
  file_rows: Cells[];
  facts: ProductFacts;
}

interface KnownProduct extends ProductRow {
  id: string;
  category_id: string;
  variants: KnownVariant[];
  images: KnownImage[];
}

async function readKnown(tx: Tx, drafts: PartialProduct[]): Promise<Map<string, KnownProduct>> {
  const slugs = drafts.flatMap(({ slug, formerSlug }) =>
    formerSlug === undefined ? [slug] : [slug, formerSlug],
  );
  await sql`
    select v.id from variants v where v.product_id in (select id from products where slug = any(${slugs}::text[]))
    order by v.id for no key update`.execute(tx);
  const rows = await tx
    .selectFrom('products')
    .select([
      'id',
      'slug',
      'name',
      'description_html',
      'brand',
      'category_id',
      'product_type',
      'tags',
      'option_names',
      'status',
      'published',
      'file_rows',
      'facts',
    ])
    .where('slug', 'in', slugs)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  const ids = rows.map((row) => row.id);
  const variants = await readVariantsOf(tx, ids);
  const images = await readImagesOf(tx, ids);
  return new Map(
    rows.map((row) => [
      row.slug,
      { ...row, variants: variants.get(row.id) ?? [], images: images.get(row.id) ?? [] },
    ]),
  );
}

async function readImagesOf(tx: Tx, productIds: string[]): Promise<Map<string, KnownImage[]>> {
  const { rows } = await sql<KnownImage & { product_id: string }>`
    select product_id, url, alt from product_images
    where product_id = any(${productIds}::bigint[]) order by product_id, position, id`.execute(tx);
  const images = new Map<string, KnownImage[]>();
  for (const { product_id, url, alt } of rows) {
    images.set(product_id, [...(images.get(product_id) ?? []), { url, alt }]);
  }
  return images;
}

async function saveOne(tx: Tx, draft: PartialProduct, known: KnownProduct | undefined): Promise<Saved> {
  const optionNames = optionNamesOf(draft, known);
  const fileColumns = columnsOfVariants(draft.file, draft.variants, known?.variants ?? []);
  const plan = planVariants({
    slug: draft.slug,
    optionNames,
    sameNames: known !== undefined && isSameList(known.option_names, optionNames),
    known: known?.variants ?? [],
    drafts: draft.variants,
    fileColumns,
    fileRows: mergeFileRows(known?.file_rows ?? [], draft.file, fileColumns, draft.variants[0]),
  });
  const refusal = whyNot(draft, known, plan);
  if (refusal !== undefined) {
    const notice = { line: draft.line, reason: refusal, isFault: true };
    return { outcome: 'refused', notices: [...plan.notices, notice], tags: {} };
  }
  const row: ProductRow = {
    slug: draft.slug,
    name: draft.name ?? known?.name ?? '',
    description_html: draft.descriptionHtml ?? known?.description_html ?? '',
    brand: draft.brand ?? known?.brand ?? '',
    product_type: draft.productType ?? known?.product_type ?? '',
    tags: draft.tags ?? known?.tags ?? [],
    option_names: optionNames,
    ...statusOf(draft, known),
    file_rows: plan.fileRows,
    facts: mergeFacts(known?.facts ?? {}, draft.facts ?? {}),
  };
  return writeProduct(tx, { draft, known, row, plan });
}

/** The draft's option names; a name whose column the file lacks is kept. */
function optionNamesOf(draft: PartialProduct, known: KnownProduct | undefined): string[] {
  const stated = draft.optionNames;
  if (known !== undefined) {
    if (stated === undefined) return known.option_names;
    const lacks = (index: number) =>
      draft.file !== undefined && !draft.file.columns.some(({ name }) => name === `Option${index + 1} Name`);
    return [
      ...stated,
      ...known.option_names.slice(stated.length).filter((_, at) => lacks(stated.length + at)),
    ];
  }
  if (stated !== undefined) return stated;
  const values = draft.variants.flatMap(({ optionValues }) => (optionValues ? [optionValues] : []));
  if (values.every((all) => all.length < 2 && (all[0] ?? 'Default Title') === 'Default Title'))
    return ['Title'];
  const most = Math.max(...values.map(({ length }) => length));
  return Array.from({ length: most }, (_, index) => `Option ${index + 1}`);
}

function whyNot(
  draft: PartialProduct,
  known: KnownProduct | undefined,
  plan: VariantPlan,
): string | undefined {
  if (known === undefined && draft.name === undefined) return 'has no Title';
  return plan.all.length === 0 ? `leaves '${draft.slug}' without a variant that can be sold` : undefined;
}

function statusOf(
  draft: PartialProduct,
  known: KnownProduct | undefined,
): Pick<ProductRow, 'status' | 'published'> {
  const was = known?.status ?? 'active';
  const lifecycle: Lifecycle = draft.status ?? (was === 'hidden' ? 'active' : was);
  const published =
    draft.published ?? (was === 'active' ? true : was === 'hidden' ? false : known!.published);
  return { status: lifecycle === 'active' && !published ? 'hidden' : lifecycle, published };
}

interface PlannedProduct {
  draft: PartialProduct;
  /** Undefined for a new product. */
  known: KnownProduct | undefined;
  row: ProductRow;
  plan: VariantPlan;
}

async function writeProduct(tx: Tx, { draft, known, row, plan }: PlannedProduct): Promise<Saved> {
  const category = await chooseCategory(tx, draft, known, row);
  const columns = {
    ...row,
    category_id: category.id,
    file_rows: JSON.stringify(row.file_rows),
    facts: JSON.stringify(row.facts),
  };
  const { notices } = plan;
  if (known === undefined) {
    const { id } = await tx
      .insertInto('products')
      .values({ ...columns, price_amount: Math.min(...plan.all.map((variant) => variant.price_amount)) })
      .returning('id')
      .executeTakeFirstOrThrow();
    const variants = await saveVariants(tx, id, plan);
    await saveImages(tx, id, { known: [], drafts: draft.images, ofVariants: picturesOf(plan) });
    const tags = { ...category.tags, ...variants.tags, ...firstTags(id, draft.slug) };
    return { outcome: 'created', notices, tags, relisted: { id, categoryIds: [category.id] } };
  }
  const variants = await saveVariants(tx, known.id, plan);
  const imagesChanged = await saveImages(tx, known.id, {
    known: known.images,
    drafts: draft.images,
    ofVariants: picturesOf(plan),
  });
  const ownChanged = differs(known, row) || known.category_id !== category.id;
  if (ownChanged) await tx.updateTable('products').set(columns).where('id', '=', known.id).execute();
  const changed = ownChanged || imagesChanged || variants.changed;
  if (!changed && !variants.stockChanged) return { outcome: 'unchanged', notices, tags: category.tags };
  const tags: TagVersions = { ...category.tags, ...variants.tags };
  const versions = await raise(tx, known.id, { product: changed, stock: variants.stockChanged });
  if (variants.stockChanged) tags[productStockTag(known.id)] = versions.stock_version;
  if (changed) tags[productTag(known.id)] = versions.version;
  if (known.status !== row.status || known.slug !== row.slug) {
    tags[slugTag(known.slug)] = versions.version;
    tags[slugTag(row.slug)] = versions.version;
  }
  if (!changed) return { outcome: 'changed', notices, tags };
  return {
    outcome: 'changed',
    notices,
    tags,
    relisted: { id: known.id, categoryIds: [category.id, known.category_id] },
  };
}

/** Chooses by the product's type and tags after the change. A draft without both leaves the category. */
async function chooseCategory(
  tx: Tx,
  draft: PartialProduct,
  known: KnownProduct | undefined,
  row: ProductRow,
): Promise<{ id: string; tags: TagVersions }> {
  const isTold = draft.productType !== undefined || draft.tags !== undefined;
  if (
    known !== undefined &&
    (draft.category === undefined || (!isTold && typeof draft.category === 'function'))
  )
    return { id: known.category_id, tags: {} };
  const path =
    typeof draft.category === 'function' ? draft.category(row.product_type, row.tags) : draft.category;
  return ensureCategory(tx, path ?? [{ slug: 'more', name: 'More' }]);
}

function picturesOf(plan: VariantPlan): string[] {
  return plan.all.flatMap(({ image_url }) => (image_url === null ? [] : [image_url]));
}

/** Tags whose absence caches may hold, at the version that a new row begins with. */
function firstTags(id: string, slug: string): TagVersions {
  return { [productTag(id)]: 1, [productStockTag(id)]: 1, [slugTag(slug)]: 1 };
}

function differs(known: ProductRow, row: ProductRow): boolean {
  const names = ['slug', 'name', 'description_html', 'brand', 'product_type', 'status', 'published'] as const;
  return (
    names.some((name) => known[name] !== row[name]) ||
    !isSameList(known.tags, row.tags) ||
    !isSameList(known.option_names, row.option_names) ||
    !isSameRows(known.file_rows, row.file_rows) ||
    !isSameFacts(known.facts, row.facts)
  );
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
