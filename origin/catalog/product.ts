// Schemas of products, variants, lists and categories, as the API returns them.
import { z } from '@hono/zod-openapi';
import { MoneySchema } from '../web/money.ts';
import { factMembers } from './product-facts.ts';

const exampleImage = { url: '/pictures/plain-tee.svg', alt: 'Plain Tee, Navy' };
const examplePrice = { amount: 1_999, currency: 'EUR' };
const exampleSummary = {
  id: '42',
  slug: 'plain-tee',
  name: 'Plain Tee',
  brand: 'MyClothes',
  category: 'tops',
  version: 17,
  price: examplePrice,
};

const ImageSchema = z
  .object({ url: z.string().openapi({ format: 'uri-reference' }), alt: z.string() })
  .openapi('Image', { example: exampleImage });

const Version = z.int().min(0).openapi({ description: 'Rises with every change of the row' });
const Available = z.int().min(0).openapi({ description: 'Whole pieces' });

const Was = MoneySchema.optional().openapi({
  description: 'Only in a sale: the lowest price of the 30 days before the reduction',
});

export const ProductSummarySchema = z
  .object({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    brand: z.string(),
    category: z.string().openapi({ description: "The category's slug" }),
    version: Version,
    price: MoneySchema,
    was: Was,
    image: ImageSchema,
    available: Available,
  })
  .openapi('ProductSummary', { example: { ...exampleSummary, image: exampleImage, available: 20 } });

const exampleVariant = {
  id: '7',
  sku: 'PLAIN-TEE-M-NAVY',
  size: 'M',
  color: 'Navy',
  price: examplePrice,
  available: 20,
};

const VariantSchema = z
  .object({
    id: z.string(),
    sku: z.string(),
    size: z.string(),
    color: z.string(),
    price: MoneySchema,
    available: Available,
    imageUrl: z.string().optional().openapi({ description: "Its colour's picture" }),
  })
  .openapi('Variant', { example: exampleVariant });

export const exampleProduct = {
  ...exampleSummary,
  description: 'A tee of heavy cotton.',
  images: [exampleImage],
  variants: [exampleVariant],
};

export const ProductSchema = z
  .object({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    description: z.string().openapi({ description: 'Plain text' }),
    brand: z.string(),
    category: z.string().openapi({ description: "The category's slug" }),
    version: Version,
    price: MoneySchema,
    was: Was,
    images: z.array(ImageSchema),
    variants: z.array(VariantSchema),
    ...factMembers,
  })
  .openapi('Product', { example: exampleProduct });

export const CategorySchema = z
  .object({ slug: z.string(), name: z.string(), productCount: z.int().min(0) })
  .openapi('Category');

const FacetValueSchema = z
  .object({ value: z.string(), count: z.int().min(0) })
  .openapi('FacetValue', { description: 'How many products would be listed with this value chosen' });

const FacetsSchema = z
  .object({
    total: z.int().min(0),
    more: z.boolean().openapi({
      description: 'Counting stopped at 1,000 products: every count is a lower bound',
    }),
    sizes: z.array(FacetValueSchema),
    colors: z.array(FacetValueSchema),
    categories: z.array(FacetValueSchema),
    price: z
      .object({ min: MoneySchema, max: MoneySchema })
      .nullable()
      .openapi({ description: 'Of all that match but for min and max; null where nothing does' }),
  })
  .openapi('Facets');

export const ProductListSchema = z
  .object({
    items: z.array(ProductSummarySchema),
    facets: FacetsSchema,
    nextCursor: z.string().nullable(),
  })
  .openapi('ProductList', {
    example: {
      items: [{ ...exampleSummary, image: exampleImage, available: 20 }],
      facets: {
        total: 1,
        more: false,
        sizes: [{ value: 'M', count: 1 }],
        colors: [{ value: 'Navy', count: 1 }],
        categories: [{ value: 'tops', count: 1 }],
        price: { min: examplePrice, max: examplePrice },
      },
      nextCursor: null,
    },
  });

export type Image = z.infer<typeof ImageSchema>;
export type ProductSummary = z.infer<typeof ProductSummarySchema>;
export type Variant = z.infer<typeof VariantSchema>;
export type Product = z.infer<typeof ProductSchema>;
type Category = z.infer<typeof CategorySchema>;
export type FacetValue = z.infer<typeof FacetValueSchema>;
export type Facets = z.infer<typeof FacetsSchema>;
export type ProductList = z.infer<typeof ProductListSchema>;

/** A product with the members that only its page shows. */
export interface ProductDetail extends Product {
  /** Sanitised. */
  descriptionHtml: string;
}

/** A category with its place in the tree; `productCount` includes the categories below it. */
export interface CategoryNode extends Category {
  /** Slug of the category above, or null. */
  parent: string | null;
}

/** The picture of a product without pictures. */
export const placeholderName = 'no-picture.svg';

export function imageOrPlaceholder(image: Image | undefined, productName: string): Image {
  return image ?? { url: `/images/${placeholderName}`, alt: productName };
}
