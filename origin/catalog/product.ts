// What the catalog tells: products, their variants, lists and categories, exactly as the API's schemas say.
import { z } from '@hono/zod-openapi';
import { MoneySchema } from '../web/money.ts';

export const ImageSchema = z.strictObject({ url: z.string(), alt: z.string() }).openapi('Image');

const Version = z.int().min(0).openapi({ description: 'Rises with every change of the row' });
const Available = z.int().min(0).openapi({ description: 'Whole pieces' });

export const ProductSummarySchema = z
  .strictObject({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    brand: z.string(),
    category: z.string().openapi({ description: "The category's slug" }),
    version: Version,
    price: MoneySchema,
    image: ImageSchema,
    available: Available,
  })
  .openapi('ProductSummary');

export const VariantSchema = z
  .strictObject({
    id: z.string(),
    sku: z.string(),
    size: z.string(),
    color: z.string(),
    price: MoneySchema,
    available: Available,
    imageUrl: z.string().optional().openapi({ description: "Its colour's picture" }),
  })
  .openapi('Variant');

export const ProductSchema = z
  .strictObject({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    description: z.string().openapi({ description: 'Plain text' }),
    brand: z.string(),
    category: z.string().openapi({ description: "The category's slug" }),
    version: Version,
    price: MoneySchema,
    images: z.array(ImageSchema),
    variants: z.array(VariantSchema),
  })
  .openapi('Product');

export const CategorySchema = z
  .strictObject({ slug: z.string(), name: z.string(), productCount: z.int().min(0) })
  .openapi('Category');

const FacetValueSchema = z
  .strictObject({ value: z.string(), count: z.int().min(0) })
  .openapi('FacetValue', { description: 'How many products would be listed with this value chosen' });

export const FacetsSchema = z
  .strictObject({
    total: z.int().min(0),
    more: z.boolean().openapi({
      description: 'Counting stopped at 1,000 products: every count is a lower bound',
    }),
    sizes: z.array(FacetValueSchema),
    colors: z.array(FacetValueSchema),
    categories: z.array(FacetValueSchema),
    price: z
      .strictObject({ min: MoneySchema, max: MoneySchema })
      .nullable()
      .openapi({ description: 'Of all that match but for min and max; null where nothing does' }),
  })
  .openapi('Facets');

export const ProductListSchema = z
  .strictObject({
    items: z.array(ProductSummarySchema),
    facets: FacetsSchema,
    nextCursor: z.string().nullable(),
  })
  .openapi('ProductList');

export type Image = z.infer<typeof ImageSchema>;
export type ProductSummary = z.infer<typeof ProductSummarySchema>;
export type Variant = z.infer<typeof VariantSchema>;
export type Product = z.infer<typeof ProductSchema>;
export type Category = z.infer<typeof CategorySchema>;
export type FacetValue = z.infer<typeof FacetValueSchema>;
export type Facets = z.infer<typeof FacetsSchema>;
export type ProductList = z.infer<typeof ProductListSchema>;

/** A product with what its page shows beyond the API. */
export interface ProductDetail extends Product {
  /** Sanitised. */
  descriptionHtml: string;
}

/** A category with its place in the tree; `productCount` includes what lies below it. */
export interface CategoryNode extends Category {
  /** Slug of the category above, or null. */
  parent: string | null;
}
