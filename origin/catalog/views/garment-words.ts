// Reads garment and wearer from the names of a category. Uncertain names give none.
import type { CategoryPlace } from '../categories.ts';

/** Groups of garments that are measured in the same way. */
export type Garment = 'clothes' | 'bottoms' | 'shirt' | 'shoes' | 'socks' | 'hat' | 'belt';
export type Wearer = 'women' | 'men' | 'kids';

const garments: Record<Garment, string> = {
  clothes:
    'dress dresses sundress sundresses gown gowns blouse blouses top tops tank tanks camisole camisoles t-shirt t-shirts ' +
    'tshirt tshirts tee tees polo polos knitwear knit knits jumper jumpers sweater sweaters pullover pullovers cardigan ' +
    'cardigans hoodie hoodies sweatshirt sweatshirts jacket jackets blazer blazers coat coats parka parkas gilet gilets ' +
    'waistcoat waistcoats vest vests outerwear skirt skirts jumpsuit jumpsuits playsuit playsuits suit suits tracksuit ' +
    'tracksuits nightwear pyjamas pajamas clothing clothes',
  bottoms: 'jeans trousers pants chinos shorts leggings joggers sweatpants bottoms culottes',
  shirt: 'shirt shirts overshirt overshirts',
  shoes:
    'shoe shoes boot boots sneaker sneakers trainer trainers sandal sandals loafer loafers heels slipper slippers ' +
    'ballerinas espadrilles clogs brogues footwear',
  socks: 'sock socks',
  hat: 'hat hats cap caps beanie beanies beret berets headwear',
  belt: 'belt belts',
};

const wearers: Record<Wearer, string> = {
  women: 'women womens woman ladies lady female',
  men: 'men mens man gentlemen male',
  kids: 'kids kid children childrens child boys boy girls girl baby babies toddler toddlers',
};

const garmentOfWord = wordMap(garments);
const wearerOfWord = wordMap(wearers);

/** @param path from the department down; its last category names the garment */
export function garmentOf(path: CategoryPlace[]): Garment | undefined {
  const last = path.at(-1);
  if (last === undefined) return undefined;
  // The last word of an English name is the thing: a shirt dress is a dress, a shoe bag is a bag.
  const parts = last.name.split(/[,&+/|–—:()]|\band\b/i).map((part) => wordsOf(part).at(-1));
  const found = new Set(parts.filter((word) => word !== undefined).map((word) => garmentOfWord.get(word)));
  // `T-shirts & polo shirts` has one result, because both are measured as clothes.
  const [garment] = found;
  return found.size === 1 ? garment : undefined;
}

/** The wearer that any name of the path mentions; undefined where it mentions several. */
export function wearerOf(path: CategoryPlace[]): Wearer | undefined {
  const words = path.flatMap(({ name, slug }) => [...wordsOf(name), ...slug.toLowerCase().split(/[^a-z]+/)]);
  const found = new Set(words.map((word) => wearerOfWord.get(word)).filter((wearer) => wearer !== undefined));
  const [wearer] = found;
  return found.size === 1 ? wearer : undefined;
}

/** Words in lower case, without the apostrophe of `women’s`. Words with a hyphen are joined. */
function wordsOf(text: string): string[] {
  return (
    text
      .toLowerCase()
      .replaceAll(/['’]/g, '')
      .match(/[\p{L}-]+/gu) ?? []
  );
}

function wordMap<Kind extends string>(words: Record<Kind, string>): Map<string, Kind> {
  const entries = Object.entries<string>(words) as [Kind, string][];
  return new Map(entries.flatMap(([kind, list]) => list.split(' ').map((word) => [word, kind] as const)));
}
