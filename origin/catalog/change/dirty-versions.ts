// Raises frequently changing versions at most once a second.
// A change marks the row as dirty; a sweep raises marked rows.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import { addToOutbox } from '../../outbox/events.ts';
import type { Tx } from '../../schema.ts';
import { catalogTag, categoryTag, feedTag, productStockTag, stockTag } from '../tags.ts';

const maxRows = 1_000;

/**
 * Marks the lists that a product's change may have altered: all products, its category and the categories above.
 * Each mark is a row of its own, so that concurrent changes do not wait for each other.
 */
export async function markSets(tx: Tx, categoryIds: string[]): Promise<void> {
  const { rows } = await sql<{ slug: string }>`
    with recursive above as (
      select id, slug, parent_id from categories where id = any(${categoryIds}::bigint[])
      union
      select c.id, c.slug, c.parent_id from categories c join above on c.id = above.parent_id
    )
    select slug from above`.execute(tx);
  const tags = [catalogTag, ...rows.map(({ slug }) => categoryTag(slug))];
  await sql`insert into catalog_set_marks (tag) select unnest(${tags}::text[])`.execute(tx);
}

/** Raises the marked lists, recounts their categories and writes one invalidation. The worker calls it each second. */
export async function raiseDirtySets(tx: Tx): Promise<TagVersions> {
  if (!(await isOnlySweeper(tx, 'sets'))) return {};
  const { rows } = await sql<{ tag: string }>`
    delete from catalog_set_marks where id in (
      select m.id from catalog_set_marks m left join catalog_sets s on s.tag = m.tag
      where s.tag is null or s.raised_at <= now() - interval '0.9 s'
    ) returning tag`.execute(tx);
  const marked = [...new Set(rows.map((row) => row.tag))].sort();
  if (marked.length === 0) return {};
  // Only stock marks the feed, and stock changes no count.
  if (marked.some((tag) => tag !== feedTag)) await countProducts(tx);
  const raised = await sql<{ tag: string; version: number }>`
    insert into catalog_sets as s (tag) select unnest(${marked}::text[])
    on conflict (tag) do update set version = s.version + 1, raised_at = now()
    returning tag, version`.execute(tx);
  const tags = Object.fromEntries(raised.rows.map((row) => [row.tag, row.version]));
  await addToOutbox(tx, 'invalidate', { tags });
  return tags;
}

/** Raises the stock that changed since its last raise, and writes one invalidation. The worker calls it each second. */
export async function raiseDirtyStock(tx: Tx): Promise<TagVersions> {
  if (!(await isOnlySweeper(tx, 'stock'))) return {};
  // Skips rows that a purchase has locked: that purchase or the next sweep raises them. Index: variants_dirty.
  const variants = await sql<{ id: string; product_id: string; stock_version: number }>`
    update variants v set stock_version = stock_version + 1, stock_raised_at = now(), stock_dirty = false
    from (
      select id from variants where stock_dirty and stock_raised_at <= now() - interval '0.9 s'
      order by id limit ${maxRows} for update skip locked
    ) dirty
    where v.id = dirty.id
    returning v.id, v.product_id, v.stock_version`.execute(tx);
  if (variants.rows.length === 0) return {};
  const tags: TagVersions = {};
  for (const row of variants.rows) tags[stockTag(row.id)] = row.stock_version;
  Object.assign(
    tags,
    await raiseProductStock(
      tx,
      variants.rows.map((row) => row.product_id),
    ),
  );
  await addToOutbox(tx, 'invalidate', { tags });
  return tags;
}

/** Raises the stock versions of these products, which lists depend on, in order of id. */
export async function raiseProductStock(tx: Tx, productIds: string[]): Promise<TagVersions> {
  const { rows } = await sql<{ id: string; stock_version: number }>`
    update products p set stock_version = stock_version + 1
    from (select id from products where id = any(${productIds}::bigint[]) order by id for no key update) locked
    where p.id = locked.id
    returning p.id, p.stock_version`.execute(tx);
  return Object.fromEntries(rows.map((row) => [productStockTag(row.id), row.stock_version]));
}

/** Counts the products on sale in every category. Index: products_by_category. */
export async function countProducts(tx: Tx): Promise<void> {
  await sql`
    update categories c set product_count = counted.count
    from (
      select id, (select count(*)::integer from products p where p.category_id = c2.id and p.status = 'active') as count
      from categories c2
    ) counted
    where c.id = counted.id and c.product_count <> counted.count`.execute(tx);
}

async function isOnlySweeper(tx: Tx, what: 'sets' | 'stock'): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(hashtext('catalog sweep'), hashtext(${what})) as held`.execute(tx);
  return rows[0]!.held;
}
