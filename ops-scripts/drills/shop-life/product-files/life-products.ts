// Generates the drill's own products, as rows of a full product file.
import type { SeededRandom } from '../../seeded-random.ts';
import { oddBodies, oddColors, oddPieces } from './odd-titles.ts';
import type { Row } from './product-file.ts';

export const fullColumns = [
  'Handle',
  'Title',
  'Body (HTML)',
  'Vendor',
  'Type',
  'Tags',
  'Published',
  'Option1 Name',
  'Option1 Value',
  'Option2 Name',
  'Option2 Value',
  'Variant SKU',
  'Variant Grams',
  'Variant Inventory Tracker',
  'Variant Inventory Qty',
  'Variant Inventory Policy',
  'Variant Fulfillment Service',
  'Variant Price',
  'Variant Compare At Price',
  'Variant Requires Shipping',
  'Variant Taxable',
  'Variant Barcode',
  'Image Src',
  'Image Position',
  'Image Alt Text',
  'Gift Card',
  'SEO Title',
  'SEO Description',
  'Variant Image',
  'Variant Weight Unit',
  'Variant Tax Code',
  'Cost per item',
  'Fabric (product.metafields.custom.fabric)',
  'Status',
];

export const handlePrefix = 'life-';

/** @returns the rows of all of them */
export function makeLifeProducts(random: SeededRandom): Row[] {
  return oddPieces.flatMap((piece, index) => {
    const handle = `${handlePrefix}${index + 1}`;
    const sizes = index % 3 === 0 ? ['S', 'M', 'L'] : index % 3 === 1 ? ['One size'] : ['38', '40'];
    const colors = index % 2 === 0 ? [oddColors[index % oddColors.length]!] : oddColors.slice(0, 2);
    const images = colors.map((_, at) => `https://cdn.life.test/${handle}-${at + 1}.jpg`);
    const pairs = colors.flatMap((color, at) => sizes.map((size) => ({ color, size, at })));
    const grams = String(random.integer(80, 1_500));
    const price = random.integer(900, 24_900);
    return pairs.map(({ color, size, at }, row): Row => {
      const first = row === 0;
      const picture = images[row];
      return {
        Handle: handle,
        ...(first ? productCells(piece, index) : {}),
        'Option1 Value': size,
        'Option2 Value': color,
        'Variant SKU': skuOf(index, row),
        'Variant Grams': grams,
        'Variant Inventory Tracker': 'shopify',
        'Variant Inventory Qty': String(random.integer(3, 60)),
        'Variant Inventory Policy': 'deny',
        'Variant Fulfillment Service': 'manual',
        'Variant Price': amount(price),
        'Variant Compare At Price': index % 4 === 0 ? amount(price + 1_000) : '',
        'Variant Requires Shipping': 'true',
        'Variant Taxable': 'true',
        'Variant Barcode': `40${String(index).padStart(5, '0')}${String(row).padStart(5, '0')}`,
        ...(picture === undefined
          ? {}
          : {
              'Image Src': picture,
              'Image Position': String(row + 1),
              'Image Alt Text': `${piece.title}, ${row + 1}`,
            }),
        'Variant Image': images[at]!,
        'Variant Weight Unit': 'g',
        'Cost per item': amount(Math.floor(price / 3)),
      };
    });
  });
}

function productCells(piece: (typeof oddPieces)[number], index: number): Row {
  return {
    Title: piece.title,
    'Body (HTML)': oddBodies[index % oddBodies.length]!,
    Vendor: piece.vendor,
    Type: piece.type,
    Tags: piece.tags,
    Published: 'true',
    'Option1 Name': 'Size',
    'Option2 Name': 'Color',
    'Gift Card': 'false',
    'SEO Title': `${piece.title} | Life`,
    'SEO Description': 'Bought, worn, washed & worn again.',
    'Fabric (product.metafields.custom.fabric)': 'Wool “merino”; linen',
    Status: 'active',
  };
}

/** Plain ones, ones with dots, slashes and signs, and one that is only digits. */
function skuOf(product: number, row: number): string {
  const number = String(product + 1).padStart(3, '0');
  const forms = [`LF-${number}-${row}`, `lf.${number}.${row}`, `LF${number}/${row}`, `00${number}${row}7`];
  return forms[product % forms.length]!;
}

export function amount(minor: number): string {
  return (minor / 100).toFixed(2);
}
