// Lists the tree of categories, with the number of products on sale in and below each.
import type { Fresh } from '../cache/entry.ts';
import type { DbOrTx } from '../schema.ts';
import type { CategoryNode } from './product.ts';
import { catalogTag, readSetVersions } from './tags.ts';

/** Parents before their children, each level in its own order. */
export async function listCategories(db: DbOrTx): Promise<Fresh<CategoryNode[]>> {
  const tags = await readSetVersions(db, [catalogTag]);
  const rows = await db
    .selectFrom('categories')
    .select(['id', 'slug', 'name', 'parent_id', 'product_count'])
    .orderBy('position')
    .orderBy('id')
    .execute();
  const childrenOf = Map.groupBy(rows, (row) => row.parent_id);
  const value: CategoryNode[] = [];
  const visit = (parentId: string | null, parent: string | null): number => {
    let sum = 0;
    for (const row of childrenOf.get(parentId) ?? []) {
      const node: CategoryNode = { slug: row.slug, name: row.name, parent, productCount: 0 };
      value.push(node);
      node.productCount = row.product_count + visit(row.id, row.slug);
      sum += node.productCount;
    }
    return sum;
  };
  visit(null, null);
  return { value, tags };
}
