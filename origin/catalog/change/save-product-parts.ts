// Saves what belongs to a product besides its own columns: its pictures and its category.
// Also saves the columns that repeat its variants.

import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { Tx } from '../../schema.ts';
import { pairSeparator } from '../list/matching.ts';
import { categoriesTag, categoryTag } from '../tags.ts';
import type { CategoryPath, ImageDraft } from './product-draft.ts';

/** A stored picture of a product. */
export interface KnownImage {
  url: string;
  alt: string;
}

interface ImageChange {
  known: KnownImage[];
  /** Undefined: the file has no column of pictures. */
  drafts: ImageDraft[] | undefined;
  /** Addresses of the pictures that variants have. */
  ofVariants: string[];
}

/**
 * Saves the pictures of a product's file, in the file's order, and those that its variants name.
 * @returns whether anything differed
 */
export async function saveImages(
  tx: Tx,
  productId: string,
  { known, drafts, ofVariants }: ImageChange,
): Promise<boolean> {
  const altOf = new Map(known.map(({ url, alt }) => [url, alt]));
  const images: KnownImage[] = (drafts ?? known).map(({ url, alt }) => ({
    url,
    alt: alt ?? altOf.get(url) ?? '',
  }));
  for (const url of new Set(ofVariants)) {
    if (!images.some((image) => image.url === url)) images.push({ url, alt: altOf.get(url) ?? '' });
  }
  if (JSON.stringify(known) === JSON.stringify(images)) return false;
  await tx.deleteFrom('product_images').where('product_id', '=', productId).execute();
  if (images.length > 0) {
    await tx
      .insertInto('product_images')
      .values(images.map((image, position) => ({ product_id: productId, position, ...image })))
      .execute();
  }
  return true;
}

/**
 * Creates the categories of a path that do not exist yet, each with its place in the tree.
 * @returns the last category's id, and the tags of the created ones
 */
export async function ensureCategory(tx: Tx, path: CategoryPath): Promise<{ id: string; tags: TagVersions }> {
  const tags: TagVersions = {};
  let parentId: string | null = null;
  for (const { slug, name } of path) {
    const known = await findCategory(tx, slug);
    if (known !== undefined) {
      parentId = known;
      continue;
    }
    const made: { id: string } | undefined = await tx
      .insertInto('categories')
      .values({ slug, name, parent_id: parentId })
      .onConflict((conflict) => conflict.column('slug').doNothing())
      .returning('id')
      .executeTakeFirst();
    if (made !== undefined) {
      await tx
        .insertInto('catalog_sets')
        .values({ tag: categoryTag(slug) })
        .execute();
      tags[categoryTag(slug)] = 1;
      tags[categoriesTag] = await raiseCategories(tx);
    }
    parentId = made?.id ?? (await findCategory(tx, slug))!;
  }
  return { id: parentId!, tags };
}

async function findCategory(tx: Tx, slug: string): Promise<string | undefined> {
  const row = await tx.selectFrom('categories').select('id').where('slug', '=', slug).executeTakeFirst();
  return row?.id;
}

/** Raises the version of the category tree that pages show. */
async function raiseCategories(tx: Tx): Promise<number> {
  const { version } = await tx
    .updateTable('catalog_sets')
    .set({ version: sql`version + 1`, raised_at: sql`now()` })
    .where('tag', '=', categoriesTag)
    .returning('version')
    .executeTakeFirstOrThrow();
  return version;
}

/**
 * Recomputes the columns that a product's row repeats from its variants and category, so that lists filter
 * and sort on one row.
 */
export async function refreshListing(tx: Tx, productIds: string[]): Promise<void> {
  await sql`
    update products p set
      price_amount = coalesce(listed.price_amount, p.price_amount),
      sizes = listed.sizes, colors = listed.colors, size_colors = listed.size_colors, keywords = listed.keywords,
      skus = listed.skus
    from (
      select p.id, min(v.price_amount) as price_amount,
        coalesce(array_agg(distinct v.size) filter (where v.size <> ''), '{}') as sizes,
        coalesce(array_agg(distinct v.color) filter (where v.color <> ''), '{}') as colors,
        coalesce(array_agg(distinct v.size || ${pairSeparator}::text || v.color) filter (where v.size <> '' and v.color <> ''), '{}')
          as size_colors,
        concat_ws(' ', above.name, c.name, p.product_type, array_to_string(p.tags, ' '), string_agg(distinct v.color, ' '))
          as keywords,
        coalesce(string_agg(v.sku, ' '), '') as skus
      from products p
      join categories c on c.id = p.category_id
      left join categories above on above.id = c.parent_id
      left join variants v on v.product_id = p.id and v.archived_at is null
      where p.id = any(${productIds}::bigint[])
      group by p.id, c.name, above.name
    ) listed
    where p.id = listed.id`.execute(tx);
}
