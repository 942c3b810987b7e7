// A product's pictures are those of its file, in the file's order.
import type { Tx } from '../../postgres/database.ts';

/** @returns whether anything differed. */
export async function saveImages(
  tx: Tx,
  productId: string,
  images: { url: string; alt: string }[],
): Promise<boolean> {
  const known = await tx
    .selectFrom('product_images')
    .select(['url', 'alt'])
    .where('product_id', '=', productId)
    .orderBy('position')
    .execute();
  if (JSON.stringify(known) === JSON.stringify(images.map(({ url, alt }) => ({ url, alt })))) return false;
  await tx.deleteFrom('product_images').where('product_id', '=', productId).execute();
  if (images.length > 0) {
    await tx
      .insertInto('product_images')
      .values(images.map(({ url, alt }, position) => ({ product_id: productId, position, url, alt })))
      .execute();
  }
  return true;
}
