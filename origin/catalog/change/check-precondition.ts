// Checks `If-Match` of a staff change (RFC 9110, 13.1.1): refuses the change if the product has changed since.
import { Refusal } from '../../errors.ts';
import type { Tx } from '../../schema.ts';
import { etagOfBody } from '../../web/shared/compress.ts';
import { etagOf } from '../../web/shared/shared-answer.ts';
import type { Product } from '../product.ts';
import { readProductById, toProduct } from '../read-product.ts';
import { isId } from '../tags.ts';

/** The product's entity tag, as `GET /api/products/{slug}` answers it without compression. */
export function entityTagOf(product: Product): string {
  return etagOf({ etag: etagOfBody(JSON.stringify(product)) }, 'identity');
}

/**
 * In the transaction of the change, before it. What does not exist is left to the change to refuse.
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
  // Compared strongly: a weak tag never matches.
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

/** Variants by id, then the product: the order in which everybody locks. */
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
