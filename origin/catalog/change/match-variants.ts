// Matches the rows of a product file to the shop's products and variants: all SKUs first, then options.

import { sql } from 'kysely';
import type { DbOrTx } from '../../schema.ts';
import type { PartialProduct, PartialVariant } from './product-draft.ts';

interface Identity {
  sku: string;
  option_values: string[];
  size: string;
  color: string;
}

interface LabelledDraft {
  draft: PartialVariant;
  size: string;
  color: string;
}

/**
 * @param known of the product `slug`, in their order
 * @param sameNames whether the options have the names that they had: else only what they mean can be compared
 * @returns for each draft its variant, undefined where it is a new one
 */
export function matchVariants<Known extends Identity>(
  known: Known[],
  drafts: LabelledDraft[],
  { slug, sameNames }: { slug: string; sameNames: boolean },
): (Known | undefined)[] {
  const matches = drafts.map((): Known | undefined => undefined);
  const untaken = new Set(known);
  const pass = (isSame: (row: Known, labelled: LabelledDraft) => boolean) => {
    for (const [index, labelled] of drafts.entries()) {
      if (matches[index] !== undefined) continue;
      for (const row of untaken) {
        if (!isSame(row, labelled)) continue;
        matches[index] = row;
        untaken.delete(row);
        break;
      }
    }
  };
  const sameSku = (row: Known, { draft }: LabelledDraft) => !draft.skuIsMade && row.sku === draft.sku;
  const sameOptions = (row: Known, { draft }: LabelledDraft) =>
    draft.optionValues !== undefined &&
    isSameList(fitValues(row.option_values, draft.optionValues.length), draft.optionValues);
  const sameLabels = (row: Known, { draft, size, color }: LabelledDraft) =>
    draft.optionValues !== undefined && row.size === size && row.color === color;
  // SKUs may repeat: then the options tell which of them is meant.
  pass((row, labelled) => sameSku(row, labelled) && sameOptions(row, labelled));
  pass((row, labelled) => sameSku(row, labelled) && sameLabels(row, labelled));
  pass(sameSku);
  // A variant without a SKU is meant before one whose SKU the row would replace or clear.
  const lacksSku = (row: Known, { draft }: LabelledDraft) =>
    (draft.sku !== undefined || draft.skuIsMade === true) && row.sku === makeSku(slug, row.option_values);
  const passByOptions = (isSame: typeof sameOptions) => {
    pass((row, labelled) => lacksSku(row, labelled) && isSame(row, labelled));
    pass(isSame);
  };
  if (sameNames) passByOptions(sameOptions);
  passByOptions(
    (row, labelled) => (!sameNames || row.option_values.length === 0) && sameLabels(row, labelled),
  );
  // An option that was added or has another name, and the values of old.
  if (!sameNames) passByOptions(sameOptions);
  // A product with nothing to choose is named by its handle alone.
  if (drafts.length === 1 && known.length === 1 && drafts[0]!.draft.optionValues === undefined) {
    matches[0] ??= known[0];
  }
  return matches;
}

/** One value a name. */
export function fitValues(values: string[], length: number): string[] {
  return Array.from({ length }, (_, index) => values[index] ?? '');
}

export function isSameList(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** For a variant that has no SKU: the same from import to import, and no other variant's of its product. */
export function makeSku(slug: string, optionValues: string[]): string {
  const chosen = optionValues.filter((value) => value !== '' && value !== 'Default Title');
  // What separates them occurs in none, so that no two variants get the same.
  return [slug, ...chosen.map((value) => encodeURIComponent(value).replaceAll('%20', '+'))].join('/');
}

const isSize = /size|größe|taille/i;
const isColor = /colou?r|farbe|couleur/i;
/** What people choose together with the size. */
const goesWithSize = /length|fit|waist|width|inseam|inches|cup|leg|age/i;

/**
 * Maps up to three options of a product file onto the shop's two labels, size and colour. Whatever is neither
 * size nor colour takes the place that is free, and else joins the label that it belongs to: `M / Long`,
 * `Navy / Linen`.
 */
export function labelOptions(names: string[], values: string[]): { size: string; color: string } {
  const size: string[] = [];
  const color: string[] = [];
  const others: { name: string; value: string }[] = [];
  for (const [index, name] of names.entries()) {
    const value = values[index] ?? '';
    if (value === '' || (name === 'Title' && value === 'Default Title')) continue;
    if (isColor.test(name)) color.push(value);
    else if (isSize.test(name)) size.push(value);
    else others.push({ name, value });
  }
  for (const { name, value } of others) {
    if (size.length === 0) size.push(value);
    else if (goesWithSize.test(name)) size.push(value);
    else color.push(value);
  }
  return { size: size.join(' / '), color: color.join(' / ') };
}

/**
 * Finds the products that have given SKUs: a file may rename a product's handle, and repeated SKUs are
 * reported. SKUs that the file states, not those that were made for it.
 */
function statedSkus({ variants }: PartialProduct): string[] {
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
