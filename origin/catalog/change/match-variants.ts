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
 * @param known variants of the product `slug`, in their order
 * @param sameNames whether the option names are unchanged; otherwise only their values can be compared
 * @returns for each draft its variant; undefined for a new one
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
  // Where SKUs repeat, the options tell which variant is meant.
  pass((row, labelled) => sameSku(row, labelled) && sameOptions(row, labelled));
  pass((row, labelled) => sameSku(row, labelled) && sameLabels(row, labelled));
  pass(sameSku);
  // A variant with a made SKU is matched first, before one whose stated SKU the row would replace or clear.
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
  // The options were added to or renamed, but the values are the same.
  if (!sameNames) passByOptions(sameOptions);
  // The handle alone names a product whose variants have nothing to choose.
  if (drafts.length === 1 && known.length === 1 && drafts[0]!.draft.optionValues === undefined) {
    matches[0] ??= known[0];
  }
  return matches;
}

/** Fits the values to the names: one value for each name, empty where it is missing. */
export function fitValues(values: string[], length: number): string[] {
  return Array.from({ length }, (_, index) => values[index] ?? '');
}

export function isSameList(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Makes a SKU for a variant without one: the same at every import, and unique within its product. */
export function makeSku(slug: string, optionValues: string[]): string {
  const chosen = optionValues.filter((value) => value !== '' && value !== 'Default Title');
  // `encodeURIComponent` escapes the separator, so no two variants get the same SKU.
  return [slug, ...chosen.map((value) => encodeURIComponent(value).replaceAll('%20', '+'))].join('/');
}

const isSize = /size|größe|taille/i;
const isColor = /colou?r|farbe|couleur/i;
/** Options that people choose together with the size. */
const goesWithSize = /length|fit|waist|width|inseam|inches|cup|leg|age/i;

/**
 * Maps up to three options of a product file onto the shop's two labels, size and colour. An option that is neither
 * takes the free label. If none is free, it joins the label that it belongs to: `M / Long`, `Navy / Linen`.
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

/** Lists the SKUs that the file states, without those that were made for it. */
function statedSkus({ variants }: PartialProduct): string[] {
  return variants.flatMap(({ sku, skuIsMade }) => (sku === undefined || skuIsMade ? [] : [sku]));
}

/**
 * Finds products whose handle the file renamed. The shop must lack the new handle, and both must have the same set of
 * SKUs, each once.
 * @returns the former slug by the slug of the draft
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

/** @returns by SKU, the slug of a product that has it and is not among the drafts. Index: variants_by_sku */
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
