// Builds one product of the demo catalog from its line and a seed: the same seed gives the same product on every
// machine.
import type { CategoryPath, ProductDraft, VariantDraft } from '../catalog/change/product-draft.ts';
import { slugify } from '../catalog/product-text.ts';
import { type ColorName, colors, type Fabric } from './garment/fabrics.ts';
import { type GarmentSpec, garmentUrl } from './garment/garment-spec.ts';
import type { Department, ProductLine } from './lines.ts';
import { brands, cares, closings, fabricWords, fits, givenNames, openings } from './words.ts';

const departmentNames: Record<Department, string> = {
  women: 'Women',
  men: 'Men',
  kids: 'Kids',
  accessories: 'Accessories',
};

/** @param index of the product in its line; names don't repeat in a line of up to 75 */
export function buildProduct(line: ProductLine, index: number, random: Random): ProductDraft {
  const givenName = givenNames[(index * 31 + line.slug.length * 7 + line.products * 3) % givenNames.length]!;
  const noun = line.nouns[index % line.nouns.length]!;
  const name = `${givenName} ${noun}`;
  const slug =
    line.department === 'kids' ? slugify(name) : slugify(`${departmentNames[line.department]} ${name}`);
  const fabric = random.pick(line.fabrics);
  const material = random.pick(line.materials);
  const chosen = random.sample(line.palette, random.whole(1, line.sizes.length > 3 ? 3 : 4));
  const accent = accentFor(fabric, chosen, random);
  const ground = random.whole(0, 4);
  const price = priceOf(line, random);
  const images = chosen.map((color) => picture(line, name, { color, fabric, accent, ground }));
  return {
    slug,
    name,
    descriptionHtml: describe(material, fabric, random),
    brand: random.pick(brands),
    category: categoryOf(line),
    productType: line.category,
    tags: [line.department],
    optionNames: ['Size', 'Color'],
    status: 'active',
    variants: chosen.flatMap((color, index) =>
      line.sizes.map((size) => ({
        ...variant({ slug, size, color, priceAmount: price }, random),
        imageUrl: images[index]!.url,
      })),
    ),
    images,
  };
}

export function categoryOf(line: ProductLine): CategoryPath {
  return [
    { slug: line.department, name: departmentNames[line.department] },
    { slug: line.slug, name: line.category },
  ];
}

function variant(
  { slug, size, color, priceAmount }: { slug: string; size: string; color: ColorName; priceAmount: number },
  random: Random,
): VariantDraft {
  const sku = `${slug}-${slugify(color)}-${slugify(size)}`.toUpperCase();
  // About one in twelve is sold out, some are nearly.
  const available = random.next() < 0.08 ? 0 : random.whole(2, 60);
  return { sku, size, color, optionValues: [size, color], priceAmount, available };
}

interface Look {
  color: ColorName;
  fabric: Fabric;
  accent: string;
  ground: number;
}

function picture(line: ProductLine, name: string, look: Look): { url: string; alt: string } {
  const base = colors[look.color];
  const spec: GarmentSpec = {
    kind: line.kind,
    fabric: look.fabric,
    base,
    accent: look.accent === base ? colors.Ecru : look.accent,
    ground: look.ground,
  };
  return { url: garmentUrl(spec), alt: `${name} in ${look.color}` };
}

const accents: ColorName[] = ['Ecru', 'Navy', 'White', 'Mustard', 'Rust', 'Charcoal', 'Blush', 'Forest'];
const dark: ColorName[] = [
  'Black',
  'Charcoal',
  'Navy',
  'Chocolate',
  'Forest',
  'Plum',
  'Burgundy',
  'Indigo',
  'Teal',
];

/** A print must stand out from every colour of the piece. */
function accentFor(fabric: Fabric, chosen: ColorName[], random: Random): string {
  if (fabric === 'denim') return colors.Tan;
  const onDark = chosen.some((color) => dark.includes(color));
  const fitting = accents.filter((color) => !chosen.includes(color) && !(onDark && dark.includes(color)));
  return colors[random.pick(fitting)];
}

/** Ends in .00, .50, .90 or .95, as price tags do. Minor units. */
function priceOf(line: ProductLine, random: Random): number {
  const [from, to] = line.price;
  const whole = random.whole(from, to - 1);
  return whole * 100 + random.pick([0, 50, 90, 95]);
}

function describe(material: string, fabric: Fabric, random: Random): string {
  const opening = random.pick(openings).replace('{material}', material);
  const sentences = [opening, fabricWords[fabric], random.pick(closings)].filter(Boolean).join(' ');
  const points = [random.pick(fits), ...random.sample(cares, 2)].map((point) => `<li>${point}</li>`).join('');
  return `<p>${sentences}</p><ul>${points}</ul>`;
}

/** A seeded random generator: the same seed gives the same numbers on every machine. */
interface Random {
  /** 0 to 1, without 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  pick<T>(from: readonly T[]): T;
  /** `count` different ones, in the order of `from`. */
  sample<T>(from: readonly T[], count: number): T[];
}

/** mulberry32: 32 bits of state are plenty for a catalog. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const whole = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    whole,
    pick: (from) => from[whole(0, from.length - 1)]!,
    sample: (from, count) => {
      const left = from.map((_, index) => index);
      const chosen = Array.from({ length: Math.min(count, from.length) }, () =>
        left.splice(whole(0, left.length - 1), 1),
      );
      return chosen
        .flat()
        .sort((a, b) => a - b)
        .map((index) => from[index]!);
    },
  };
}
