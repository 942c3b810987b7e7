// Reads the category tree for the header, and renders breadcrumbs. It has names and places only, so prices do not
// change it.
import type { Fresh } from '../../cache/entry.ts';
import { withinMs } from '../../concurrency/deadline.ts';
import type { Deps } from '../../deps.ts';
import type { DbOrTx } from '../../schema.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { NavigationItem } from '../../web/page/layout.ts';
import { listCategories } from '../list-categories.ts';
import { categoriesTag, readSetVersions } from '../tags.ts';

export interface CategoryPlace extends NavigationItem {
  /** Slug of the category above, or null. */
  parent: string | null;
}

/** Parents before their children. */
export async function readCategoryTree(db: DbOrTx): Promise<Fresh<CategoryPlace[]>> {
  const tags = await readSetVersions(db, [categoriesTag]);
  const { value } = await listCategories(db);
  return { value: value.map(({ slug, name, parent }) => ({ slug, name, parent })), tags };
}

const treeKey = 'category-tree';

/** For pages outside the catalog. A page without departments is better than none, so a failure leaves it empty. */
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

/** For error pages. @param waitMs 0: only what this process's memory holds, where many are refused at once */
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

/** From the department down to the category itself; empty where it does not exist. */
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
 * Renders the breadcrumb trail.
 * @param here the page's own name, where it is not the last category itself
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
