// Saves a product's pictures: those of its file, in the file's order, and those that its variants name.
import type { Tx } from '../../schema.ts';
import type { ImageDraft } from './product-draft.ts';

export interface KnownImage {
  url: string;
  alt: string;
}

/**
 * @param known in their order
 * @param drafts undefined: they stay
 * @param ofVariants addresses that variants name
 * @returns whether anything differed
 */
export async function saveImages(
  tx: Tx,
  productId: string,
  known: KnownImage[],
  drafts: ImageDraft[] | undefined,
  ofVariants: string[],
): Promise<boolean> {
  const altOf = new Map(known.map(({ url, alt }) => [url, alt]));
  const images: KnownImage[] = (drafts ?? known).map(({ url, alt }) => ({
    url,
    alt: alt ?? altOf.get(url) ?? '',
  }));
  for (const url of new Set(ofVariants)) {
    if (!images.some((image) => image.url === url)) images.push({ url, alt: altOf.get(url) ?? '' });
  }
  if (JSON.stringify(known) === JSON.stringify(images)) return false;
  await tx.deleteFrom('product_images').where('product_id', '=', productId).execute();
  if (images.length > 0) {
    await tx
      .insertInto('product_images')
      .values(images.map((image, position) => ({ product_id: productId, position, ...image })))
      .execute();
  }
  return true;
}
