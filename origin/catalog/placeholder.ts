// The picture of a product that has none.
import type { Image } from './product.ts';

export const placeholderName = 'no-picture.svg';

export function imageOrPlaceholder(image: Image | undefined, productName: string): Image {
  return image ?? { url: `/images/${placeholderName}`, alt: productName };
}
