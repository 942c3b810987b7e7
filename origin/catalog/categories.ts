// The tree of categories: listed with what is on sale in each, read for the header, and rendered as breadcrumbs.
import type { Fresh } from '../cache/entry.ts';
import { withinMs } from '../concurrency/deadline.ts';
import type { Deps } from '../deps.ts';
import type { DbOrTx } from '../schema.ts';
import { type Html, html } from '../web/page/html.ts';
import type { NavigationItem } from '../web/page/layout.ts';
import type { CategoryNode } from './product.ts';
import { catalogTag, categoriesTag, readSetVersions } from './tags.ts';

/**
 * Lists the tree of categories, with the number of products on sale in and below each. Parents before their
 * children, each level in its own order.
 */
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

/** A category in the header and in breadcrumbs. It has name and place only, so prices do not change it. */
export interface CategoryPlace extends NavigationItem {
  /** Slug of the category above, or null. */
  parent: string | null;
}

/** Lists parents before their children. */
export async function readCategoryTree(db: DbOrTx): Promise<Fresh<CategoryPlace[]>> {
  const tags = await readSetVersions(db, [categoriesTag]);
  const { value } = await listCategories(db);
  return { value: value.map(({ slug, name, parent }) => ({ slug, name, parent })), tags };
}

const treeKey = 'category-tree';

/**
 * Reads the tree for pages outside the catalog. A failure leaves it empty, because a page without departments is
 * better than none.
 */
export async function readTree(deps: Pick<Deps, 'cache' | 'log'>): Promise<CategoryPlace[]> {
  try {
    const request = { key: treeKey, fromReplicas: true, fill: readCategoryTree };
    const { value } = await deps.cache.read(request);
    return value;
  } catch (error) {
    deps.log.warn({ err: error }, 'departments left out of a page');
    return [];
  }
}

export async function readNavigation(deps: Pick<Deps, 'cache' | 'log'>): Promise<NavigationItem[]> {
  return departments(await readTree(deps));
}

/** Reads departments for error pages. @param waitMs 0: only from this process's memory, for times of many refusals */
export async function readNavigationSoon(
  deps: Pick<Deps, 'cache' | 'log'>,
  waitMs: number,
): Promise<NavigationItem[]> {
  const known = deps.cache.recall<CategoryPlace[]>(treeKey);
  if (known !== undefined || waitMs === 0) return departments(known?.value ?? []);
  return withinMs(
    waitMs,
    () => new Error('Departments took too long'),
    () => readNavigation(deps),
  ).catch(() => []);
}

export function departments(tree: CategoryPlace[]): NavigationItem[] {
  return tree.filter((place) => place.parent === null).slice(0, 14);
}

/** The path from the department down to the category; empty where the category does not exist. */
export function pathTo(tree: CategoryPlace[], slug: string): CategoryPlace[] {
  const path: CategoryPlace[] = [];
  for (let at = place(tree, slug); at !== undefined && path.length < 10; at = place(tree, at.parent)) {
    path.unshift(at);
  }
  return path;
}

function place(tree: CategoryPlace[], slug: string | null): CategoryPlace | undefined {
  return tree.find((candidate) => candidate.slug === slug);
}

/**
 * Renders the breadcrumbs.
 * @param here name of the page, where it is not the last category itself
 */
export function crumbs(path: CategoryPlace[], here?: string): Html {
  const last = path.length - 1;
  return html`<nav aria-label="You are here"><ol class="crumbs"><li><a href="/">Home</a></li>
${path.map((place, index) =>
  index === last && here === undefined
    ? html`<li aria-current="page">${place.name}</li>`
    : html`<li><a href="/c/${place.slug}">${place.name}</a></li>`,
)}
${here === undefined ? '' : html`<li aria-current="page">${here}</li>`}</ol></nav>`;
}
