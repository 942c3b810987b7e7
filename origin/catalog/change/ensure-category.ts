// Creates a category that is named for the first time, with its place in the tree.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { Tx } from '../../schema.ts';
import { categoriesTag, categoryTag } from '../tags.ts';
import type { CategoryPath } from './product-draft.ts';

/** @returns the last category's id, and the tags of those that were made. */
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

/** The tree that pages show has a version of its own. */
async function raiseCategories(tx: Tx): Promise<number> {
  const { version } = await tx
    .updateTable('catalog_sets')
    .set({ version: sql`version + 1`, raised_at: sql`now()` })
    .where('tag', '=', categoriesTag)
    .returning('version')
    .executeTakeFirstOrThrow();
  return version;
}
