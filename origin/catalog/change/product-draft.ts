// A product as a file or the demo describes it, before it has ids: what `saveProduct` makes rows of.

export interface VariantDraft {
  sku: string;
  size: string;
  color: string;
  /** One a name in `optionNames`. */
  optionValues: string[];
  /** Minor units. */
  priceAmount: number;
  /** Whole pieces. */
  available: number;
  /** One of the product's pictures. */
  imageUrl?: string | undefined;
}

export interface ProductDraft {
  slug: string;
  name: string;
  /** Sanitised. */
  descriptionHtml: string;
  brand: string;
  category: CategoryPath;
  productType: string;
  tags: string[];
  optionNames: string[];
  status: 'active' | 'archived';
  /** At least one; what exists and is not named stays. */
  variants: VariantDraft[];
  images: { url: string; alt: string }[];
}

export interface CategoryName {
  slug: string;
  name: string;
}

/** From the top of the tree down; what does not exist is made. */
export type CategoryPath = [CategoryName, ...CategoryName[]];

/** Why a product of a file cannot be saved, for people. */
export class DraftFault extends Error {}
