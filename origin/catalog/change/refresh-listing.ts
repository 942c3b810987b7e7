// Recomputes the columns that a product's row repeats from its variants and category, so that lists filter and sort on
// one row.
import { sql } from 'kysely';
import type { Tx } from '../../schema.ts';
import { pairSeparator } from '../list/matching.ts';

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
