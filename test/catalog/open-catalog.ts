// Opens a migrated database for one test, with a pool, and has small products to fill it.
import type { ProductDraft, VariantDraft } from '../../origin/catalog/change/product-draft.ts';
import { saveProduct } from '../../origin/catalog/change/save-product.ts';
import { createPool, createDatabase as openDatabase } from '../../origin/postgres/database.ts';
import type { Db } from '../../origin/schema.ts';
import { createDatabase } from '../support/stores.ts';

export interface OpenCatalog extends AsyncDisposable {
  db: Db;
  url: string;
}

export async function openCatalog(
  options: { connections?: number; queryTimeoutMs?: number } = {},
): Promise<OpenCatalog> {
  const database = await createDatabase();
  const pool = createPool({
    url: database.url,
    name: 'test-catalog',
    max: options.connections ?? 8,
    connectTimeoutMs: 10_000,
    queryTimeoutMs: options.queryTimeoutMs ?? 20_000,
  });
  const db = openDatabase(pool);
  return {
    db,
    url: database.url,
    [Symbol.asyncDispose]: async () => {
      await db.destroy();
      await database[Symbol.asyncDispose]();
    },
  };
}

export function aProduct(slug: string, change: Partial<ProductDraft> = {}): ProductDraft {
  return {
    slug,
    name: `The ${slug}`,
    descriptionHtml: '<p>Cloth and thread.</p>',
    brand: 'Norlund',
    category: [{ slug: 'shirts', name: 'Shirts' }],
    productType: 'Shirts',
    tags: [],
    optionNames: ['Size', 'Color'],
    status: 'active',
    variants: [aVariant(slug, 'M', 'Navy')],
    images: [],
    ...change,
  };
}

export function aVariant(
  slug: string,
  size: string,
  color: string,
  change: Partial<VariantDraft> = {},
): VariantDraft {
  return {
    sku: `${slug}-${size}-${color}`,
    size,
    color,
    optionValues: [size, color],
    priceAmount: 2_990,
    available: 10,
    ...change,
  };
}

export async function saveAll(db: Db, drafts: ProductDraft[]): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const draft of drafts) await saveProduct(tx, draft);
  });
}
