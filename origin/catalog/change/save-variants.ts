// Saves a product's variants from a draft: matched by SKU, else by options. New ones are added, none is removed.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import type { Tx } from '../../schema.ts';
import { stockTag } from '../tags.ts';
import { fitValues, isSameList, labelOptions, makeSku, matchVariants } from './match-variants.ts';
import {
  type Cells,
  type ImportNotice,
  isSameCells,
  mergeVariantCells,
  moveCellsToVariants,
  type PartialVariant,
} from './product-draft.ts';
import { sayWhen } from './turn-sales.ts';

export interface KnownVariant extends VariantColumns {
  id: string;
  product_id: string;
  /** If so, `price_amount` here is the regular price, because product files know no sales. */
  is_in_sale: boolean;
}

/** Columns of a variant that a draft can set. */
interface VariantColumns {
  sku: string;
  size: string;
  color: string;
  option_values: string[];
  position: number;
  price_amount: number;
  available: number;
  backordered: number;
  stock_tracked: boolean;
  stock_stated: boolean;
  sells_beyond_stock: boolean;
  image_url: string | null;
  is_archived: boolean;
  file_cells: Cells;
}

export interface VariantsOfProduct {
  slug: string;
  optionNames: string[];
  /** Whether the options had these names before. */
  sameNames: boolean;
  known: KnownVariant[];
  drafts: PartialVariant[];
  /** Columns of the file that describe variants. */
  fileColumns: string[];
  /** Cells of the file's rows that belong to no variant. */
  fileRows: Cells[];
}

/** The changes of a product's variants, decided before any is written. */
export interface VariantPlan {
  changed: { id: string; columns: VariantColumns; stockChanged: boolean; changed: boolean }[];
  added: VariantColumns[];
  /** All variants of the product after the change. */
  all: VariantColumns[];
  /** The product's own rows, without cells that moved to a variant. */
  fileRows: Cells[];
  isInSale: boolean;
  notices: ImportNotice[];
}

export async function readVariantsOf(tx: Tx, productIds: string[]): Promise<Map<string, KnownVariant[]>> {
  const { rows } = await sql<KnownVariant>`
    select id, product_id, sku, size, color, option_values, position, coalesce(regular_amount, price_amount) as price_amount,
      regular_amount is not null as is_in_sale, available, backordered, stock_tracked,
      stock_stated, sells_beyond_stock, image_url, archived_at is not null as is_archived, file_cells
    from variants where product_id = any(${productIds}::bigint[]) order by position, id`.execute(tx);
  return Map.groupBy(rows, (row) => row.product_id);
}

export function planVariants(product: VariantsOfProduct): VariantPlan {
  const { known, optionNames } = product;
  const plan: VariantPlan = {
    changed: [],
    added: [],
    all: [],
    fileRows: [],
    isInSale: known.some((row) => row.is_in_sale),
    notices: [],
  };
  // If an option's column is missing, only a row's SKU can tell which variant it means.
  const isWhole = ({ optionValues }: PartialVariant) => optionValues?.length === optionNames.length;
  const labelled = product.drafts.map((draft) => ({
    draft: isWhole(draft) ? draft : { ...draft, optionValues: undefined },
    ...labelOptions(optionNames, draft.optionValues ?? []),
  }));
  // Variants on sale are matched before archived ones.
  const inOrder = known.toSorted((a, b) => Number(a.is_archived) - Number(b.is_archived));
  const matches = matchVariants(inOrder, labelled, product);
  const next = new Map<KnownVariant, VariantColumns>();
  const added: { at: number; columns: VariantColumns }[] = [];
  for (const [at, draft] of product.drafts.entries()) {
    const match = matches[at];
    if (match !== undefined) next.set(match, mergeVariant(product, match, draft));
    else {
      const columns = newVariant(product, draft);
      if (typeof columns === 'string')
        plan.notices.push({ line: draft.line, reason: columns, isFault: true });
      else added.push({ at, columns });
    }
  }
  for (const row of known) if (!next.has(row)) next.set(row, relabel(row, optionNames, product.sameNames));
  const ordered = putInOrder(known, matches, next, added);
  ordered.forEach((columns, position) => {
    columns.position = position;
  });
  plan.all = ordered;
  plan.fileRows = moveCellsToVariants(product.fileRows, ordered);
  plan.added = added.map(({ columns }) => columns);
  for (const [row, columns] of next) {
    const { changed, stockChanged } = compare(row, columns);
    if (changed || stockChanged) plan.changed.push({ id: row.id, columns, changed, stockChanged });
  }
  tellTwins(product, { matches, next, added }, plan);
  return plan;
}

function mergeVariant(
  product: VariantsOfProduct,
  known: KnownVariant,
  draft: PartialVariant,
): VariantColumns {
  const given = draft.optionValues ?? [];
  const optionValues = fitValues(
    [...given, ...known.option_values.slice(given.length)],
    product.optionNames.length,
  );
  return {
    ...known,
    sku: draft.skuIsMade ? makeSku(product.slug, optionValues) : (draft.sku ?? known.sku),
    option_values: optionValues,
    ...(draft.optionValues === undefined && product.sameNames
      ? {}
      : labelOptions(product.optionNames, optionValues)),
    price_amount: draft.priceAmount ?? known.price_amount,
    ...stockOf(draft, known),
    image_url: draft.imageUrl === undefined ? known.image_url : draft.imageUrl,
    is_archived: draft.isArchived ?? known.is_archived,
    file_cells: mergeVariantCells(known.file_cells, product.fileColumns, draft),
  };
}

/** @returns the variant, or the reason why the draft says too little to create it */
function newVariant(product: VariantsOfProduct, draft: PartialVariant): VariantColumns | string {
  const { optionNames, slug } = product;
  if (product.known.length > 0 && draft.optionValues?.length !== optionNames.length)
    return 'names no variant that the shop knows, and has not the options of a new one';
  if (draft.priceAmount === undefined) return 'is a new variant and has no Variant Price';
  const optionValues =
    draft.optionValues ?? optionNames.map((_, index) => (index === 0 ? 'Default Title' : ''));
  const unknown = {
    available: 0,
    backordered: 0,
    stock_tracked: true,
    stock_stated: true,
    sells_beyond_stock: false,
  };
  return {
    sku: draft.sku ?? makeSku(slug, optionValues),
    option_values: optionValues,
    ...labelOptions(optionNames, optionValues),
    position: 0,
    price_amount: draft.priceAmount,
    ...stockOf(draft, unknown),
    image_url: draft.imageUrl ?? null,
    is_archived: draft.isArchived ?? false,
    file_cells: mergeVariantCells({}, product.fileColumns, draft),
  };
}

type Stock = Pick<
  VariantColumns,
  'available' | 'backordered' | 'stock_tracked' | 'stock_stated' | 'sells_beyond_stock'
>;

function stockOf(draft: PartialVariant, known: Stock): Stock {
  const { available: pieces } = draft;
  return {
    available: pieces === undefined ? known.available : Math.max(pieces ?? 0, 0),
    backordered: pieces === undefined ? known.backordered : Math.max(-(pieces ?? 0), 0),
    stock_stated: pieces === undefined ? known.stock_stated : pieces !== null,
    stock_tracked: draft.stockTracked ?? known.stock_tracked,
    sells_beyond_stock: draft.sellsBeyondStock ?? known.sells_beyond_stock,
  };
}

function relabel(known: KnownVariant, optionNames: string[], sameNames: boolean): VariantColumns {
  if (sameNames || known.option_values.length === 0) return { ...known };
  const optionValues = fitValues(known.option_values, optionNames.length);
  return { ...known, option_values: optionValues, ...labelOptions(optionNames, optionValues) };
}

/** A file that names all variants sets their order. One that names some reorders only those among themselves. */
function putInOrder(
  known: KnownVariant[],
  matches: (KnownVariant | undefined)[],
  next: Map<KnownVariant, VariantColumns>,
  added: { at: number; columns: VariantColumns }[],
): VariantColumns[] {
  const named = matches.filter((match) => match !== undefined);
  if (named.length === known.length) {
    return matches.flatMap((match, at) => {
      const columns = match ? next.get(match) : added.find((one) => one.at === at)?.columns;
      return columns === undefined ? [] : [columns];
    });
  }
  const places = [...named];
  const isNamed = new Set(named);
  const kept = known.map((row) => next.get(isNamed.has(row) ? places.shift()! : row)!);
  return [...kept, ...added.map(({ columns }) => columns)];
}

function compare(known: KnownVariant, next: VariantColumns): { changed: boolean; stockChanged: boolean } {
  const isSame = (names: (keyof VariantColumns)[]) => names.every((name) => known[name] === next[name]);
  return {
    changed:
      !isSame(['sku', 'size', 'color', 'position', 'price_amount', 'image_url', 'is_archived']) ||
      !isSameList(known.option_values, next.option_values) ||
      !isSameCells(known.file_cells, next.file_cells),
    stockChanged: !isSame([
      'available',
      'backordered',
      'stock_tracked',
      'stock_stated',
      'sells_beyond_stock',
    ]),
  };
}

interface MatchedVariants {
  /** By draft: the variant that it means, if the shop has it. */
  matches: (KnownVariant | undefined)[];
  next: Map<KnownVariant, VariantColumns>;
  added: { at: number; columns: VariantColumns }[];
}

/**
 * Notes a variant with the same size and colour as one that the file does not name. This is possible but seldom
 * meant.
 */
function tellTwins(
  product: VariantsOfProduct,
  { matches, next, added }: MatchedVariants,
  plan: VariantPlan,
): void {
  const unnamed = product.known.filter((row) => !matches.includes(row) && !row.is_archived);
  for (const [at, { line }] of product.drafts.entries()) {
    const match = matches[at];
    const columns = match ? next.get(match)! : added.find((one) => one.at === at)?.columns;
    const twin = columns && unnamed.find((row) => row.size === columns.size && row.color === columns.color);
    if (twin === undefined) continue;
    const reason = `has the same options as the variant ${twin.sku}, which the file does not name`;
    plan.notices.push({ line, reason, isFault: false });
  }
}

export interface SavedVariants {
  /** Whether anything but stock changed. */
  changed: boolean;
  stockChanged: boolean;
  tags: TagVersions;
}

export async function saveVariants(tx: Tx, productId: string, plan: VariantPlan): Promise<SavedVariants> {
  const saved: SavedVariants = {
    changed: plan.added.length > 0 || plan.changed.some(({ changed }) => changed),
    stockChanged: plan.added.length > 0 || plan.changed.some(({ stockChanged }) => stockChanged),
    tags: {},
  };
  // A file states prices without the sale, and the sale goes on.
  if (plan.isInSale) await sayWhen(tx, new Date());
  for (const { id, columns, stockChanged } of plan.changed) {
    const { archived_at, price_amount: price, ...row } = toRow(columns);
    const { stock_version } = await tx
      .updateTable('variants')
      .set({
        ...row,
        price_amount: sql<number>`case when regular_amount is null then ${price} else least(price_amount, ${price}) end`,
        regular_amount: sql<number>`case when regular_amount is not null then ${price}::integer end`,
        archived_at: columns.is_archived ? sql<Date>`coalesce(archived_at, now())` : null,
        ...(stockChanged
          ? {
              stock_version: sql<number>`stock_version + 1`,
              stock_raised_at: sql<Date>`now()`,
              stock_dirty: false,
            }
          : {}),
      })
      .where('id', '=', id)
      .returning('stock_version')
      .executeTakeFirstOrThrow();
    if (stockChanged) saved.tags[stockTag(id)] = stock_version;
  }
  if (plan.isInSale) await sayWhen(tx, undefined);
  if (plan.added.length > 0) {
    const rows = await tx
      .insertInto('variants')
      .values(plan.added.map((columns) => ({ product_id: productId, ...toRow(columns) })))
      .returning(['id', 'stock_version'])
      .execute();
    for (const row of rows) saved.tags[stockTag(row.id)] = row.stock_version;
  }
  return saved;
}

function toRow(columns: VariantColumns) {
  return {
    sku: columns.sku,
    size: columns.size,
    color: columns.color,
    option_values: columns.option_values,
    position: columns.position,
    price_amount: columns.price_amount,
    available: columns.available,
    backordered: columns.backordered,
    stock_tracked: columns.stock_tracked,
    stock_stated: columns.stock_stated,
    sells_beyond_stock: columns.sells_beyond_stock,
    image_url: columns.image_url,
    archived_at: columns.is_archived ? sql<Date>`now()` : null,
    file_cells: JSON.stringify(columns.file_cells),
  };
}
