// Product titles as in real catalogs: typographic signs, slashes, accents, emoji, right-to-left and Asian letters.

export interface OddPiece {
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

export const oddBodies = [
  '<p>Made of linen.</p><p>Wash at 30.</p>',
  '<p>“Soft” &amp; warm – like an old friend’s coat…</p><ul><li>50/50 wool</li><li>½ lined</li></ul>',
  '<p>شحن سريع &lt;3</p>',
  'One line, no tags; it’s 100 % cotton.',
];

/** Sold by size, by colour, or as one piece. */
export const oddColors = ['Navy', 'Crème', 'Grün', 'Off-White/Écru', 'Черный'];

/** A title as one types it: no accents, no typographic signs, no pictures. */
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
