// Fills the catalog to any size with generated products: two variants and one picture each, in the demo's categories.
import type pg from 'pg';

/** Between size and colour in `size_colors`. */
const pairSeparator = '\u001f';

/** Tops the catalog up to `count` products with slugs `bench-<n>`. @returns how many of them there are. */
export async function growCatalog(client: pg.Client, count: number): Promise<number> {
  const { rows } = await client.query<{ total: number; made: number }>(
    `select count(*)::integer as total, count(*) filter (where slug like 'bench-%')::integer as made from products`,
  );
  const { total, made } = rows[0]!;
  const last = made + Math.max(0, count - total);
  await client.query('begin');
  // One in 20 is a jacket, one in 500 velvet.
  await client.query(
    `insert into products (slug, name, description_html, brand, category_id, price_amount, sizes, colors, size_colors)
     select 'bench-' || n,
       case when n % 500 = 0 then 'Velvet ' when n % 3 = 0 then 'Linen ' else 'Cotton ' end
         || case when n % 20 = 0 then 'jacket ' when n % 2 = 0 then 'shirt ' else 'trousers ' end || n,
       '<p>Cut with an easy fit, piece ' || n || '</p>', (array['Norlund', 'Halma', 'Ardea'])[1 + n % 3],
       (array(select id from categories where parent_id is not null order by id))[1 + n % 10],
       1000 + (n * 7919) % 20000, '{S,M}', array[colour], array['S' || $3::text || colour, 'M' || $3::text || colour]
     from (select n, (array['Navy', 'Red', 'Ecru', 'Sage'])[1 + n % 4] as colour
           from generate_series($1::bigint, $2::bigint) n) made`,
    [made + 1, last, pairSeparator],
  );
  await client.query(
    `insert into variants (product_id, sku, size, color, price_amount, available, position)
     select p.id, p.slug || '-' || size, size, p.colors[1], p.price_amount, p.id % 30, place
     from products p, unnest(p.sizes) with ordinality as s (size, place)
     where p.slug like 'bench-%' and not exists (select from variants v where v.product_id = p.id)`,
  );
  await client.query('commit');
  for (const table of ['products', 'variants']) await client.query(`vacuum analyze ${table}`);
  return last;
}
