// Generates the drill's own products, as rows of a full product file, with titles as in real catalogs.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { Row } from './product-file.ts';

/**
 * A product with a title as in real catalogs: typographic signs, slashes, accents, emoji, right-to-left and Asian
 * letters.
 */
interface OddPiece {
  title: string;
  type: string;
  vendor: string;
  tags: string;
}

export const oddPieces: OddPiece[] = [
  { title: 'L’Été “Riviera” Wrap Dress', type: 'Dresses', vendor: 'Maison Élodie', tags: 'women, été' },
  { title: 'Dr.Harrow’s 1460/W Boots', type: 'Boots', vendor: 'Dr.Harrow', tags: 'unisex' },
  { title: 'Tee & Shorts Set – 2-Pack', type: 'Sets', vendor: 'Söhne & Co.', tags: 'men, set' },
  { title: '“Año Nuevo” Sweatshirt 🎉', type: 'Sweatshirts', vendor: 'Señor Niño', tags: 'women' },
  { title: 'Fußball Trikot Größe XL', type: 'Trikots', vendor: 'Straßenkind', tags: 'men' },
  { title: 'Straße Socks (3er-Pack)', type: 'Socks', vendor: 'Straßenkind', tags: 'accessories' },
  { title: 'Crème Brûlée Jumper', type: 'Jumpers', vendor: 'Maison Élodie', tags: 'women' },
  { title: 'Niño’s Poncho', type: 'Ponchos', vendor: 'Señor Niño', tags: 'kids' },
  { title: 'Zażółć Gęślą Jaźń Scarf', type: 'Scarves', vendor: 'Łódź Wool', tags: 'accessories' },
  { title: 'Ελληνικό Πουκάμισο', type: 'Πουκάμισα', vendor: 'Αθήνα', tags: 'men' },
  { title: 'Сорочка «Київ»', type: 'Сорочки', vendor: 'Дніпро', tags: 'women' },
  { title: 'قميص كتان أبيض', type: 'قمصان', vendor: 'النيل', tags: 'men' },
  { title: 'שמלה כחולה', type: 'שמלות', vendor: 'גליל', tags: 'women' },
  { title: '着物 Kimono Jacket', type: '着物', vendor: '京都', tags: 'women' },
  { title: 'N° 5 Cardigan … in Wool', type: 'Cardigans', vendor: 'N° 5', tags: 'women' },
  { title: 'Half/Half Pleated Skirt', type: 'Skirts', vendor: 'Half/Half', tags: 'women' },
  { title: 'Rock ’n’ Roll Vest®', type: 'Vests', vendor: 'Rock ’n’ Roll', tags: 'men' },
  { title: 'Piqué Polo—Slim Fit', type: 'Polos', vendor: 'Piqué', tags: 'men' },
  { title: '100 % Cotton T-Shirt', type: 'T-shirts', vendor: '100 %', tags: 'men' },
  { title: 'A/W Trench Coat™', type: 'Coats', vendor: 'A/W', tags: 'women' },
  { title: 'Émile & Söhne Loafers', type: 'Loafers', vendor: 'Émile & Söhne', tags: 'men' },
  { title: '👗 Garden Party Dress', type: 'Dresses', vendor: 'Zoë', tags: 'women' },
  { title: 'İstanbul İpek Yelek', type: 'Yelekler', vendor: 'Boğaz', tags: 'women' },
  { title: '3/4-Sleeve Blouse', type: 'Blouses', vendor: 'Half/Half', tags: 'women' },
];

const oddBodies = [
  '<p>Made of linen.</p><p>Wash at 30.</p>',
  '<p>“Soft” &amp; warm – like an old friend’s coat…</p><ul><li>50/50 wool</li><li>½ lined</li></ul>',
  '<p>شحن سريع &lt;3</p>',
  'One line, no tags; it’s 100 % cotton.',
];

/** Products are sold by size, by colour, or as one piece. */
const oddColors = ['Navy', 'Crème', 'Grün', 'Off-White/Écru', 'Черный'];

/** A title as people type it: no accents, no typographic signs, no emoji. */
export function typedPlainly(title: string): string {
  return title
    .replace(/\p{Extended_Pictographic}|\uFE0F/gu, ' ')
    .replace(/[“”«»„®™…°]/g, ' ')
    .replace(/[’‘]/g, "'")
    .replace(/[–—]/g, '-')
    .replace(/ß/g, 'ss')
    .replace(/ł/g, 'l')
    .replace(/Ł/g, 'L')
    .replace(/İ/g, 'I')
    .normalize('NFD')
    .replace(/(?<=\p{Script=Latin})\p{M}+/gu, '')
    .normalize('NFC')
    .replace(/\s+/g, ' ')
    .trim();
}

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

/** Products whose prices only the sales deeds set. They are never archived. */
export const saleHandles = [3, 8, 15, 21].map((number) => `${handlePrefix}${number}`);

/** @returns the rows of all products */
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

/** Makes plain SKUs, SKUs with dots, slashes and signs, and one of digits only. */
function skuOf(product: number, row: number): string {
  const number = String(product + 1).padStart(3, '0');
  const forms = [`LF-${number}-${row}`, `lf.${number}.${row}`, `LF${number}/${row}`, `00${number}${row}7`];
  return forms[product % forms.length]!;
}

export function amount(minor: number): string {
  return (minor / 100).toFixed(2);
}
