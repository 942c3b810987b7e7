// Changes a product's texts and price for staff if it has not changed since they read it, and raises its version.
import { sql } from 'kysely';
import type { TagVersions } from '../../../http/cache-tag.ts';
import { notFound, Refusal } from '../../errors.ts';
import type { Tx } from '../../schema.ts';
import type { Money } from '../../web/money.ts';
import { etagOfBody } from '../../web/shared/representation.ts';
import { etagOf } from '../../web/shared/shared-response.ts';
import type { Product } from '../product.ts';
import { type FactName, type FactsPatch, isSameFacts, mergeFacts } from '../product-facts.ts';
import { htmlToText, textToHtml } from '../product-text.ts';
import { readProductById, toProduct } from '../read-product.ts';
import { learnWords } from '../search/suggest-spelling.ts';
import { isId, productTag } from '../tags.ts';
import { markSets } from './dirty-versions.ts';
import { factColumns, rowsWithout } from './product-draft.ts';
import { readLowestPrice } from './turn-sales.ts';

export interface ProductPatch {
  /** The new price of all variants. */
  price?: Money | undefined;
  /** Whether a lower price is shown as a reduction, beside the lowest price of the 30 days before. */
  sale?: boolean | undefined;
  name?: string | undefined;
  /** Plain text. */
  description?: string | undefined;
  /** An empty text removes that fact. */
  facts?: FactsPatch | undefined;
}

interface ProductChange {
  product: Product;
  /** The caller writes the invalidation from these; empty where nothing changed. */
  tags: TagVersions;
  /** Former values of the members that the patch names. */
  before: Record<string, unknown>;
}

interface Changes {
  name?: string;
  description_html?: string;
  price_amount?: number;
  was_amount?: number;
  facts?: string;
}

/** @throws Refusal 404 */
export async function changeProduct(tx: Tx, id: string, patch: ProductPatch): Promise<ProductChange> {
  if (!isId(id)) throw notFound('This product');
  const prices = patch.price === undefined ? [] : await lockVariants(tx, id);
  const row = await lockProduct(tx, id);
  const before: Record<string, unknown> = {};
  const changes: Changes = {};
  if (patch.name !== undefined) {
    before['name'] = row.name;
    if (patch.name !== row.name) changes.name = patch.name;
  }
  if (patch.description !== undefined) {
    before['description'] = htmlToText(row.description_html);
    if (patch.description !== before['description']) changes.description_html = textToHtml(patch.description);
  }
  if (patch.facts !== undefined) {
    const facts = mergeFacts(row.facts, patch.facts);
    before['facts'] = Object.fromEntries(
      Object.keys(patch.facts).map((name) => [name, row.facts[name as FactName] ?? '']),
    );
    if (!isSameFacts(facts, row.facts)) changes.facts = JSON.stringify(facts);
  }
  if (patch.price !== undefined) {
    const amount = patch.price.amount;
    before['price'] = row.price_amount;
    if (row.price_amount !== amount || prices.some((price) => price !== amount)) {
      changes.price_amount = amount;
      const was = patch.sale === true ? await readLowestPrice(tx, id, new Date()) : undefined;
      if (was !== undefined && was > amount) changes.was_amount = was;
    }
  }
  const changed = Object.keys(changes).length > 0;
  let tags: TagVersions = {};
  if (changed) {
    if (changes.price_amount !== undefined) {
      // A trigger ends an earlier sale.
      await tx
        .updateTable('variants')
        .set({ price_amount: changes.price_amount, file_cells: sql`file_cells - 'Variant Price'` })
        .where('product_id', '=', id)
        .execute();
    }
    const { version } = await tx
      .updateTable('products')
      .set({
        ...changes,
        // The cells kept from a product file no longer say what these columns are now.
        file_rows: rowsWithout([
          ...(changes.name === undefined ? [] : ['Title']),
          ...(changes.description_html === undefined ? [] : ['Body (HTML)']),
          ...(changes.facts === undefined ? [] : factColumns),
        ]),
        version: sql`version + 1`,
      })
      .where('id', '=', id)
      .returning('version')
      .executeTakeFirstOrThrow();
    tags = { [productTag(id)]: version };
    if (changes.name !== undefined) await learnWords(tx, [id]);
    await markSets(tx, [row.category_id]);
  }
  return { product: toProduct((await readProductById(tx, id))!), tags, before };
}

/** Locks in order of id, before the product. All writers lock in this order. */
async function lockVariants(tx: Tx, productId: string): Promise<number[]> {
  const rows = await tx
    .selectFrom('variants')
    .select('price_amount')
    .where('product_id', '=', productId)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  return rows.map((row) => row.price_amount);
}

async function lockProduct(tx: Tx, id: string) {
  const row = await tx
    .selectFrom('products')
    .select(['name', 'description_html', 'price_amount', 'category_id', 'facts'])
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (row === undefined) throw notFound('This product');
  return row;
}

/**
 * Checks `If-Match` of a staff change (RFC 9110, 13.1.1): refuses the change if the product has changed
 * since. The product's entity tag, as `GET /api/products/{slug}` answers it without compression.
 */
export function entityTagOf(product: Product): string {
  return etagOf({ etag: etagOfBody(JSON.stringify(product)) }, 'identity');
}

/**
 * Checks the header inside the transaction of the change, before the change. The change itself refuses what does not
 * exist.
 * @param ifMatch the header's value
 * @throws Refusal 412 `precondition-failed`
 */
export async function checkPrecondition(
  tx: Tx,
  at: { productId: string } | { variantId: string },
  ifMatch: string | undefined,
): Promise<void> {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const productId = 'productId' in at ? at.productId : await findProduct(tx, at.variantId);
  if (productId === undefined || !isId(productId)) return;
  await lockWhole(tx, productId);
  const detail = await readProductById(tx, productId);
  if (detail === undefined) return;
  const etag = etagOfBody(JSON.stringify(toProduct(detail)));
  const present = (['identity', 'br', 'gzip'] as const).map((encoding) => etagOf({ etag }, encoding));
  // The comparison is a strong one: a weak tag never matches.
  if (!ifMatch.split(',').some((tag) => present.includes(tag.trim())))
    throw new Refusal(412, 'precondition-failed', 'The product is another one by now; read it again first');
}

async function findProduct(tx: Tx, variantId: string): Promise<string | undefined> {
  if (!isId(variantId)) return undefined;
  const variant = await tx
    .selectFrom('variants')
    .select('product_id')
    .where('id', '=', variantId)
    .executeTakeFirst();
  return variant?.product_id;
}

/** Locks variants by id, then the product. All writers lock in this order. */
async function lockWhole(tx: Tx, productId: string): Promise<void> {
  await tx
    .selectFrom('variants')
    .select('id')
    .where('product_id', '=', productId)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  await tx.selectFrom('products').select('id').where('id', '=', productId).forNoKeyUpdate().execute();
}
