// Product files as shops write them, with their oddities.

const heading = [
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
  'Option3 Name',
  'Option3 Value',
  'Variant SKU',
  'Variant Inventory Qty',
  'Variant Price',
  'Image Src',
  'Image Position',
  'Image Alt Text',
  'Google Shopping / Gender',
];

type Cells = Record<string, string>;

/** Writes a product file, quoting fields where necessary. */
export function productFile(rows: Cells[], options: { bom?: boolean; lineEnd?: string } = {}): Uint8Array[] {
  const lines = [heading, ...rows.map((row) => heading.map((column) => row[column] ?? ''))].map((fields) =>
    fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(','),
  );
  const end = options.lineEnd ?? '\n';
  const bytes = Buffer.from(`${options.bom ? '\ufeff' : ''}${lines.join(end)}${end}`);
  // The pieces are small, so that cuts fall within characters and rows.
  return Array.from({ length: Math.ceil(bytes.length / 97) }, (_, at) =>
    bytes.subarray(at * 97, at * 97 + 97),
  );
}

export const titleOnly: Cells[] = [
  {
    Handle: 'plain-scarf',
    Title: 'Plain Scarf',
    'Option1 Name': 'Title',
    'Option1 Value': 'Default Title',
    'Variant Price': '19.9',
    'Variant Inventory Qty': '3',
  },
];

export const threeOptions: Cells[] = [
  {
    Handle: 'work-jeans',
    Title: 'Work Jeans',
    Vendor: 'Copperline',
    Type: 'Jeans',
    Tags: 'men, denim',
    'Body (HTML)': '<p onclick="x()">Tough.</p><script>alert(1)</script>\n<p>“Quoted”, and more</p>',
    'Option1 Name': 'Size',
    'Option1 Value': '32',
    'Option2 Name': 'Length',
    'Option2 Value': '34',
    'Option3 Name': 'Colour',
    'Option3 Value': 'Indigo',
    'Variant SKU': 'WJ-32-34',
    'Variant Price': '89.00',
    'Variant Inventory Qty': '7',
    'Image Src': 'https://pictures.example/jeans-front.jpg',
    'Image Position': '2',
    'Image Alt Text': 'Front',
  },
  {
    Handle: 'work-jeans',
    'Option1 Value': '34',
    'Option2 Value': '34',
    'Option3 Value': 'Indigo',
    'Variant SKU': 'WJ-34-34',
    'Variant Price': '92.50',
    'Variant Inventory Qty': '-2',
    'Image Src': 'https://pictures.example/jeans-back.jpg',
    'Image Position': '1',
    'Image Alt Text': 'Back',
  },
  { Handle: 'work-jeans', 'Image Src': 'https://pictures.example/jeans-detail.jpg', 'Image Position': '3' },
];

export const badRows: Cells[] = [
  {
    Handle: 'good-cap',
    Title: 'Good Cap',
    'Option1 Name': 'Size',
    'Option1 Value': 'S',
    'Variant Price': '10',
    'Body (HTML)': 'Two\nlines',
  },
  { Handle: 'good-cap', 'Option1 Value': 'M' },
  { Handle: 'good-cap', 'Option1 Value': 'L', 'Variant Price': 'about 10' },
  { Handle: 'good-cap', 'Option1 Value': 'S', 'Variant Price': '11' },
  { Handle: '', Title: 'Nobody', 'Variant Price': '5' },
  { Handle: 'no-variants', Title: 'No Variants' },
  { Handle: 'no-title', 'Option1 Value': 'S', 'Variant Price': '5' },
  {
    Handle: 'http-picture',
    Title: 'Insecure',
    'Variant Price': '5',
    'Image Src': 'http://pictures.example/a.jpg',
  },
  { Handle: 'good-cap', 'Option1 Value': 'XL', 'Variant Price': '12' },
  { Handle: 'half-piece', Title: 'Half', 'Variant Price': '5', 'Variant Inventory Qty': '1.5' },
];
