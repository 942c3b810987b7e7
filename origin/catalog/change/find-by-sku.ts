// Finds the products that have given SKUs: a file may rename a product's handle, and repeated SKUs are reported.
import { sql } from 'kysely';
import type { DbOrTx } from '../../schema.ts';
import type { PartialProduct } from './product-draft.ts';

/** SKUs that the file states, not those that were made for it. */
export function statedSkus({ variants }: PartialProduct): string[] {
  return variants.flatMap(({ sku, skuIsMade }) => (sku === undefined || skuIsMade ? [] : [sku]));
}

/**
 * A product is another one under a new handle where the shop has no product of that handle, and their SKUs are the
 * same set, each once.
 * @returns former slug by slug of the draft
 */
export async function findFormerSlugs(db: DbOrTx, drafts: PartialProduct[]): Promise<Map<string, string>> {
  const former = new Map<string, string>();
  const unknown = await findUnknown(db, drafts);
  const skus = unknown.flatMap(statedSkus);
  if (skus.length === 0) return former;
  const { rows } = await sql<{ slug: string; skus: string[] }>`
    select p.slug, array_agg(v.sku) as skus
    from products p join variants v on v.product_id = p.id
    where p.id in (select product_id from variants where sku = any(${skus}::text[])) and v.archived_at is null
    group by p.id`.execute(db);
  for (const draft of unknown) {
    const own = new Set(statedSkus(draft));
    if (own.size === 0 || own.size !== draft.variants.length) continue;
    const owners = rows.filter((row) => row.skus.some((sku) => own.has(sku)));
    const [owner] = owners;
    if (owners.length !== 1 || owner!.skus.length !== own.size) continue;
    if (owner!.skus.every((sku) => own.has(sku))) former.set(draft.slug, owner!.slug);
  }
  return former;
}

async function findUnknown(db: DbOrTx, drafts: PartialProduct[]): Promise<PartialProduct[]> {
  const candidates = drafts.filter((draft) => statedSkus(draft).length > 0);
  if (candidates.length === 0) return [];
  const known = await db
    .selectFrom('products')
    .select('slug')
    .where(
      'slug',
      'in',
      candidates.map(({ slug }) => slug),
    )
    .execute();
  const slugs = new Set(known.map(({ slug }) => slug));
  return candidates.filter(({ slug }) => !slugs.has(slug));
}

/** @returns by SKU the slug of a product that has it and is none of the drafts. Index: variants_by_sku */
export async function findSkusElsewhere(db: DbOrTx, drafts: PartialProduct[]): Promise<Map<string, string>> {
  const skus = drafts.flatMap(statedSkus);
  if (skus.length === 0) return new Map();
  const slugs = drafts.flatMap(({ slug, formerSlug = slug }) => [slug, formerSlug]);
  const { rows } = await sql<{ sku: string; slug: string }>`
    select distinct on (v.sku) v.sku, p.slug from variants v join products p on p.id = v.product_id
    where v.sku = any(${skus}::text[]) and v.archived_at is null and not p.slug = any(${slugs}::text[])
    order by v.sku, p.id`.execute(db);
  return new Map(rows.map(({ sku, slug }) => [sku, slug]));
}
