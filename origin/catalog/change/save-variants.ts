// A product's variants from a file: found again by SKU, else by their options; new ones are added, none is removed.
import { sql } from 'kysely';
import type { TagVersions } from '../../outbox/events.ts';
import type { Tx } from '../../postgres/database.ts';
import { stockTag } from '../tags.ts';
import { DraftFault, type VariantDraft } from './product-draft.ts';

export interface SavedVariants {
  /** Anything but stock. */
  changed: boolean;
  stockChanged: boolean;
  tags: TagVersions;
}

interface KnownVariant {
  id: string;
  product_id: string;
  sku: string;
  size: string;
  color: string;
  option_values: string[];
  position: number;
  price_amount: number;
  available: number;
  image_url: string | null;
}

/** @throws DraftFault where a SKU belongs to another product */
export async function saveVariants(
  tx: Tx,
  productId: string,
  drafts: VariantDraft[],
): Promise<SavedVariants> {
  const known = await readKnown(tx, productId, drafts);
  const saved: SavedVariants = { changed: false, stockChanged: false, tags: {} };
  const added: { draft: VariantDraft; position: number }[] = [];
  const found: { match: KnownVariant; draft: VariantDraft; position: number }[] = [];
  for (const [position, draft] of drafts.entries()) {
    const match =
      known.find((row) => row.sku === draft.sku) ??
      known.find(
        (row) => row.product_id === productId && row.size === draft.size && row.color === draft.color,
      );
    if (match === undefined) added.push({ draft, position });
    else if (match.product_id !== productId) {
      throw new DraftFault(`the SKU ${draft.sku} belongs to another product`);
    } else found.push({ match, draft, position });
  }
  await makeWay(
    tx,
    found.filter(({ match, draft }) => bearsAnother(match, draft)).map(({ match }) => match.id),
  );
  for (const { match, draft, position } of found) await updateVariant(tx, match, draft, position, saved);
  if (added.length > 0) await insertVariants(tx, productId, added, saved);
  return saved;
}

/** Those of the product, and whoever else bears one of the SKUs. */
async function readKnown(tx: Tx, productId: string, drafts: VariantDraft[]): Promise<KnownVariant[]> {
  const skus = drafts.map((draft) => draft.sku);
  return tx
    .selectFrom('variants')
    .select([
      'id',
      'product_id',
      'sku',
      'size',
      'color',
      'option_values',
      'position',
      'price_amount',
      'available',
      'image_url',
    ])
    .where((eb) => eb.or([eb('product_id', '=', productId), sql<boolean>`sku = any(${skus}::text[])`]))
    .execute();
}

function bearsAnother(known: KnownVariant, draft: VariantDraft): boolean {
  return known.sku !== draft.sku || known.size !== draft.size || known.color !== draft.color;
}

/** Two that change places would meet on the way: the SKU and the options of each are its own at any moment. */
async function makeWay(tx: Tx, ids: string[]): Promise<void> {
  if (ids.length < 2) return;
  await sql`update variants set sku = 'moving ' || id, size = 'moving ' || id where id = any(${ids}::bigint[])`.execute(
    tx,
  );
}

async function updateVariant(
  tx: Tx,
  known: KnownVariant,
  draft: VariantDraft,
  position: number,
  saved: SavedVariants,
): Promise<void> {
  const changed =
    known.sku !== draft.sku ||
    known.size !== draft.size ||
    known.color !== draft.color ||
    known.option_values.join('\n') !== draft.optionValues.join('\n') ||
    known.price_amount !== draft.priceAmount ||
    known.image_url !== (draft.imageUrl ?? null) ||
    known.position !== position;
  const stockChanged = known.available !== draft.available;
  if (!changed && !stockChanged) return;
  const row = await tx
    .updateTable('variants')
    .set({
      sku: draft.sku,
      size: draft.size,
      color: draft.color,
      option_values: draft.optionValues,
      price_amount: draft.priceAmount,
      position,
      available: draft.available,
      image_url: draft.imageUrl ?? null,
      ...(stockChanged
        ? {
            stock_version: sql<number>`stock_version + 1`,
            stock_raised_at: sql<Date>`now()`,
            stock_dirty: false,
          }
        : {}),
    })
    .where('id', '=', known.id)
    .returning(['id', 'stock_version'])
    .executeTakeFirstOrThrow();
  saved.changed ||= changed;
  saved.stockChanged ||= stockChanged;
  if (stockChanged) saved.tags[stockTag(row.id)] = row.stock_version;
}

async function insertVariants(
  tx: Tx,
  productId: string,
  added: { draft: VariantDraft; position: number }[],
  saved: SavedVariants,
): Promise<void> {
  const rows = await tx
    .insertInto('variants')
    .values(
      added.map(({ draft, position }) => ({
        product_id: productId,
        sku: draft.sku,
        size: draft.size,
        color: draft.color,
        option_values: draft.optionValues,
        position,
        price_amount: draft.priceAmount,
        available: draft.available,
        image_url: draft.imageUrl ?? null,
      })),
    )
    .returning(['id', 'stock_version'])
    .execute();
  saved.changed = true;
  saved.stockChanged = true;
  for (const row of rows) saved.tags[stockTag(row.id)] = row.stock_version;
}
