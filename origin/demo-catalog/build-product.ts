// Builds one product of the demo catalog from its line and the seed.

import type { CategoryPath, ProductDraft, VariantDraft } from '../catalog/change/product-draft.ts';
import { slugify } from '../catalog/slugify.ts';
import { type ColorName, colors } from './garment/colors.ts';
import type { Fabric } from './garment/fabrics.ts';
import { type GarmentSpec, garmentUrl } from './garment/garment-spec.ts';
import type { Department, ProductLine } from './lines.ts';
import type { Random } from './random.ts';
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
        ...variant(slug, size, color, price, random),
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
  slug: string,
  size: string,
  color: ColorName,
  priceAmount: number,
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
