// An index for searches in which each block of 8,192 ids has entries of its own, so that the newest blocks answer
// for a word that all have.
import { type Kysely, type QueryExecutorProvider, sql } from 'kysely';

/**
 * Under a lock against writes for as long as it takes: a large catalog has its index made before, by
 * `buildSearchIndex`.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`set local lock_timeout = '2s'`.execute(db);
  await createSearchTerms(db);
  await sql`create index if not exists products_search_terms on ${indexed}`.execute(db);
}

/**
 * The same index, made beside the shop's writes: not in a transaction, and it may take minutes. Does nothing where
 * it stands already or there are no products yet.
 */
export async function buildSearchIndex(db: QueryExecutorProvider): Promise<void> {
  const { rows } = await sql<{ products: boolean; broken: boolean }>`
    select to_regclass('products') is not null as products, exists (
      select from pg_index where indexrelid = to_regclass('products_search_terms') and not indisvalid) as broken`.execute(
    db,
  );
  if (!rows[0]?.products) return;
  await createSearchTerms(db);
  // What an earlier attempt left when it was cut off is never used, and would be taken for the index.
  if (rows[0].broken) await sql`drop index concurrently products_search_terms`.execute(db);
  await sql`create index concurrently if not exists products_search_terms on ${indexed}`.execute(db);
}

// Not `fastupdate`: each block would read the list of what is pending.
const indexed = sql`products using gin
  (product_search_terms(id, category_id, price_amount, sizes, colors, search)) with (fastupdate = off) where status = 'active'`;

/**
 * Each term begins with its block and a letter for its kind: w a word, c the category, s a size, o a colour, x y z
 * the price in steps of 0.8, 6 and 65 percent. Their reader is origin/catalog/search/search-candidates.ts. Costly, so
 * that nobody filters rows by it.
 */
async function createSearchTerms(db: QueryExecutorProvider): Promise<void> {
  await sql`
    create or replace function product_search_terms(
      id bigint, category_id bigint, price_amount integer, sizes text[], colors text[], search tsvector
    ) returns tsvector language sql immutable parallel safe cost 1000 as $$
      select array_to_tsvector(array(
        select (id / 8192) || term from (
          select 'w' || lexeme as term from unnest(tsvector_to_array(search)) lexeme
          union all select 'c' || category_id
          union all select 's' || size from unnest(sizes) size
          union all select 'o' || color from unnest(colors) color
          union all select step || (floor(ln(price_amount::float8 + 1) * 128)::integer / width)
            from (values ('x', 1), ('y', 8), ('z', 64)) steps (step, width)
        ) terms
      ))
    $$`.execute(db);
}
