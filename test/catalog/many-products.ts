// A catalog of any size, made by SQL: 20 categories below two departments, two variants and a picture a product.
import { sql } from 'kysely';
import { pairSeparator } from '../../origin/catalog/list/matching.ts';
import type { Db } from '../../origin/schema.ts';

export async function makeManyProducts(db: Db, count: number): Promise<void> {
  // Only the previous release reads this index. Without it, writing a product takes half the time.
  await sql`drop index products_search_terms`.execute(db);
  const indexes = await dropIndexes(db);
  // Nobody reads what happened to them, and writing it takes as long again.
  await sql`alter table products disable trigger products_tell_product`.execute(db);
  await sql`alter table variants disable trigger variants_tell_stock`.execute(db);
  await sql`insert into categories (slug, name) values ('women', 'Women'), ('men', 'Men')`.execute(db);
  await sql`
    insert into categories (slug, name, parent_id)
    select above.slug || '-' || kind, 'Kind ' || kind, above.id
    from categories above, generate_series(1, 10) kind where above.parent_id is null`.execute(db);
  // One product in 20 is a jacket, one in 500 is velvet, one in 1,000 plum.
  await sql`
    insert into products (slug, name, description_html, brand, category_id, price_amount, sizes, colors, size_colors)
    select 'product-' || n,
      case when n % 500 = 0 then 'Velvet ' when n % 3 = 0 then 'Linen ' else 'Cotton ' end
        || case when n % 20 = 0 then 'jacket ' when n % 2 = 0 then 'shirt ' else 'trousers ' end || n,
      '<p>Cut with an easy fit, sewn in a small workshop, piece ' || n || '</p>',
      (array['Norlund', 'Halma', 'Ardea'])[1 + n % 3],
      (select min(id) from categories where parent_id is not null) + n % 20,
      1000 + (n * 7919) % 20000,
      sizes,
      array[color],
      array(select size || ${pairSeparator}::text || color from unnest(sizes) size)
    from generate_series(1, ${count}::integer) n
    cross join lateral (
      select case when n % 2 = 0 then '{S,M}'::text[] else '{L,M}' end as sizes,
        case when n % 1000 = 0 then 'Plum' else (array['Navy', 'Red', 'Ecru', 'Sage'])[1 + n % 4] end as color) chosen`.execute(
    db,
  );
  await sql`
    insert into variants (product_id, sku, size, color, price_amount, available, position)
    select p.id, p.slug || '-' || size, size, p.colors[1], p.price_amount, p.id % 30, place
    from products p, unnest(p.sizes) with ordinality as s (size, place)`.execute(db);
  await sql`insert into product_images (product_id, url) select id, '/images/' || slug || '.svg' from products`.execute(
    db,
  );
  await sql`
    insert into search_words (word)
    select word from (
      select 'word' || md5(n::text) as word from generate_series(1, 5000) n
      union values ('velvet'), ('jacket'), ('shirt'), ('trousers'), ('linen'), ('cotton'), ('norlund')
    ) made on conflict do nothing`.execute(db);
  for (const definition of indexes) await sql.raw(definition).execute(db);
  for (const table of ['products', 'variants', 'product_images', 'categories', 'search_words']) {
    await sql`vacuum analyze ${sql.table(table)}`.execute(db);
  }
}

/** Built row by row they take longest. @returns the statements that make them again, as they were */
async function dropIndexes(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string; definition: string }>`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
    where indrelid in ('products'::regclass, 'variants'::regclass, 'product_images'::regclass)
      and not indisunique`.execute(db);
  for (const { name } of rows) await sql`drop index ${sql.ref(name)}`.execute(db);
  return rows.map(({ definition }) => definition);
}
