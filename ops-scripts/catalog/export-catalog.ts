// The catalog as a Shopify product file, product by product as it is read: what is exported can be imported again and changes nothing.
import { stringify } from 'csv-stringify/sync';
import { type ExportedProduct, exportProducts } from '../../origin/catalog/export-products.ts';
import type { DbOrTx } from '../../origin/postgres/database.ts';
import { type Column, columns } from './product-file.ts';

type Cells = Partial<Record<Column, string>>;

/** The heading, then the rows of one product after the other. */
export async function* exportCatalog(db: DbOrTx): AsyncGenerator<string> {
  yield stringify([[...columns]]);
  for await (const product of exportProducts(db)) {
    yield stringify(toRows(product).map((cells) => columns.map((column) => cells[column] ?? '')));
  }
}

/** Variants and pictures stand side by side, the longer list goes on alone. */
function toRows(product: ExportedProduct): Cells[] {
  const count = Math.max(product.variants.length, product.images.length);
  return Array.from({ length: count }, (_, index) => ({
    Handle: product.slug,
    ...(index === 0 ? productCells(product) : {}),
    ...variantCells(product, index),
    ...imageCells(product, index),
  }));
}

function productCells(product: ExportedProduct): Cells {
  const [first = '', second = '', third = ''] = product.optionNames;
  return {
    Title: product.name,
    'Body (HTML)': product.descriptionHtml,
    Vendor: product.brand,
    Type: product.productType,
    Tags: product.tags.join(', '),
    Published: String(product.status === 'active'),
    'Option1 Name': first,
    'Option2 Name': second,
    'Option3 Name': third,
    'Gift Card': 'false',
    Status: product.status,
  };
}

function variantCells(product: ExportedProduct, index: number): Cells {
  const variant = product.variants[index];
  if (variant === undefined) return {};
  const [first = '', second = '', third = ''] = variant.optionValues;
  return {
    'Option1 Value': first,
    'Option2 Value': second,
    'Option3 Value': third,
    'Variant SKU': variant.sku,
    'Variant Inventory Tracker': 'shopify',
    'Variant Inventory Qty': String(variant.available),
    'Variant Inventory Policy': 'deny',
    'Variant Fulfillment Service': 'manual',
    'Variant Price': formatAmount(variant.priceAmount),
    'Variant Requires Shipping': 'true',
    'Variant Taxable': 'true',
    'Variant Image': variant.imageUrl ?? '',
  };
}

function imageCells(product: ExportedProduct, index: number): Cells {
  const image = product.images[index];
  if (image === undefined) return {};
  return { 'Image Src': image.url, 'Image Position': String(index + 1), 'Image Alt Text': image.alt };
}

function formatAmount(amount: number): string {
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, '0')}`;
}
