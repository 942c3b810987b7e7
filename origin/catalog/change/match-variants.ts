// Matches each row of a product file to a variant of the shop: all SKUs first, then options. A variant id never
// changes its meaning, because carts refer to it.
import type { PartialVariant } from './product-draft.ts';

export interface Identity {
  sku: string;
  option_values: string[];
  size: string;
  color: string;
}

export interface LabelledDraft {
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
