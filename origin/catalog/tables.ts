// Kysely's types of the catalog tables. Only files of this folder query them.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { ProductFacts } from './product-facts.ts';

export interface CatalogTables {
  categories: {
    id: GeneratedAlways<string>;
    slug: string;
    name: string;
    parent_id: string | null;
    position: Generated<number>;
    product_count: Generated<number>;
  };
  products: {
    id: GeneratedAlways<string>;
    slug: string;
    name: string;
    /** Sanitised HTML. */
    description_html: Generated<string>;
    brand: Generated<string>;
    category_id: string;
    /** Type of the product in its file. The category is chosen by it. */
    product_type: Generated<string>;
    tags: Generated<string[]>;
    /** Option names of the product file, at most three. */
    option_names: Generated<string[]>;
    /** Minor units; the lowest price of the variants. */
    price_amount: number;
    /** In a sale: the lowest price of the 30 days before. A trigger clears it with the next change of a price. */
    was_amount: number | null;
    /** When a sale changes the price next; null: no sale will. */
    flips_at: Date | null;
    /** Facts that the law requires on the product's page, in the form of `product-facts.ts`. */
    facts: ColumnType<ProductFacts, string | undefined, string>;
    sizes: Generated<string[]>;
    colors: Generated<string[]>;
    /** Each pair that exists as a variant, joined by `pairSeparator`. */
    size_colors: Generated<string[]>;
    keywords: Generated<string>;
    /** Only `active` is on sale; `hidden` is an active product that is not published. */
    status: Generated<'active' | 'hidden' | 'draft' | 'archived'>;
    /** For a draft or an archived product: whether it would be published. */
    published: Generated<boolean>;
    /**
     * Cells of its file that the shop has no column for, one object a row. Cells of variants are kept with the
     * variants.
     */
    file_rows: ColumnType<Record<string, string>[], string | undefined, string>;
    version: Generated<number>;
    /** Version of the sum of its variants' stock, as lists show it. */
    stock_version: Generated<number>;
    created_at: ColumnType<Date, Date | undefined, Date>;
    /** Article numbers of its variants, separated by spaces. */
    skus: Generated<string>;
    /** Made by a trigger from name, brand, keywords, article numbers and description. */
    search_vector: Generated<string | null>;
    /** The name's words joined, as `search_normal` leaves them; made by the same trigger. */
    title_key: Generated<string | null>;
    /** The column that the release before `search_vector` searched. */
    search: GeneratedAlways<string>;
  };
  variants: {
    id: GeneratedAlways<string>;
    product_id: string;
    sku: string;
    size: Generated<string>;
    color: Generated<string>;
    option_values: Generated<string[]>;
    position: Generated<number>;
    price_amount: number;
    /** During a sale: the regular price. */
    regular_amount: number | null;
    /** Pieces on the shelf; `change/stock.ts` says how many are shown. */
    available: Generated<number>;
    /** Pieces sold beyond the stock. */
    backordered: Generated<number>;
    stock_tracked: Generated<boolean>;
    /** Whether a number of pieces was ever stated. */
    stock_stated: Generated<boolean>;
    sells_beyond_stock: Generated<boolean>;
    /** One of the product's pictures. */
    image_url: string | null;
    /** Since when it is archived; null: on sale. */
    archived_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
    /** Cells of its file that the shop has no column for. */
    file_cells: ColumnType<Record<string, string>, string | undefined, string>;
    stock_version: Generated<number>;
    stock_raised_at: ColumnType<Date, Date | undefined, Date>;
    stock_dirty: Generated<boolean>;
  };
  /** Ended prices, written by a trigger. */
  variant_prices: {
    variant_id: string;
    amount: number;
    since: Date | null;
    until: Date;
  };
  product_sales: {
    id: GeneratedAlways<string>;
    product_id: string;
    price_amount: number;
    starts_at: ColumnType<Date, Date, Date>;
    ends_at: ColumnType<Date | null, Date | null, Date | null>;
    state: Generated<'planned' | 'running' | 'ended' | 'cancelled'>;
    /** The lowest price of the 30 days before it began; null where that was not higher. */
    was_amount: number | null;
    /** The actual end, which may be earlier than planned. */
    ended_at: Date | null;
    created_at: ColumnType<Date, never, never>;
  };
  product_images: {
    id: GeneratedAlways<string>;
    product_id: string;
    position: Generated<number>;
    url: string;
    alt: Generated<string>;
  };
  catalog_sets: {
    tag: string;
    version: Generated<number>;
    raised_at: ColumnType<Date, Date | undefined, Date>;
  };
  catalog_set_marks: {
    id: GeneratedAlways<string>;
    tag: string;
  };
  product_file_columns: {
    position: GeneratedAlways<number>;
    name: string;
  };
  search_words: { word: string };
}
