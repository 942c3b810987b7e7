// A product without a picture still has one to show.
import type { Image } from './product.ts';

export const placeholderName = 'no-picture.svg';

export function imageOrPlaceholder(image: Image | undefined, productName: string): Image {
  return image ?? { url: `/images/${placeholderName}`, alt: productName };
}
