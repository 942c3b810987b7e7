// Loads the demo catalog once. It is generated from a seed, so it is the same everywhere.
import { sql } from 'kysely';
import { countProducts } from '../catalog/change/dirty-versions.ts';
import type { CategoryPath, ProductDraft, VariantDraft } from '../catalog/change/product-draft.ts';
import { saveProducts } from '../catalog/change/save-product.ts';
import { ensureCategory } from '../catalog/change/save-product-parts.ts';
import { slugify } from '../catalog/product-text.ts';
import type { Db, Tx } from '../schema.ts';
import { type ColorName, colors, type Fabric } from './garment/fabrics.ts';
import { type GarmentSpec, garmentUrl } from './garment/render-garment.ts';
import { type Department, type ProductLine, productLines } from './lines.ts';
import { brands, cares, closings, fabricWords, fits, givenNames, openings } from './words.ts';

const seed = 20_261;
const productsPerTransaction = 60;

interface DemoOptions {
  onProgress?: (done: number, total: number) => void;
}

/** @returns how many products were created; 0 where the demo catalog exists already */
export async function loadDemoCatalog(db: Db, options: DemoOptions = {}): Promise<number> {
  const range = buildDemoCatalog();
  const known = await db
    .selectFrom('products')
    .select('slug')
    .where(
      'slug',
      'in',
      range.map((draft) => draft.slug),
    )
    .execute();
  const slugs = new Set(known.map((row) => row.slug));
  const missing = range.filter((draft) => !slugs.has(draft.slug));
  if (missing.length === 0) return 0;
  await db.transaction().execute(makeCategories);
  for (let at = 0; at < missing.length; at += productsPerTransaction) {
    const drafts = missing.slice(at, at + productsPerTransaction);
    await db.transaction().execute(async (tx) => {
      // Other systems are told no events of the products that a shop starts with.
      await sql`set local myclothes.events = 'off'`.execute(tx);
      return saveProducts(tx, drafts);
    });
    options.onProgress?.(Math.min(at + productsPerTransaction, missing.length), missing.length);
  }
  await db.transaction().execute(countProducts);
  return missing.length;
}

/** Creates categories in the order of the product lines, which is their order in the shop. */
async function makeCategories(tx: Tx): Promise<void> {
  for (const line of productLines) {
    await ensureCategory(tx, categoryOf(line));
  }
}

/** Shuffles the products, so that the newest ones are a mixture. */
export function buildDemoCatalog(): ProductDraft[] {
  const random = seededRandom(seed);
  const drafts = productLines.flatMap((line) =>
    Array.from({ length: line.products }, (_, index) => buildProduct(line, index, random)),
  );
  return drafts
    .map((draft) => ({ draft, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ draft }) => draft);
}

// Builds one product from its line and a seed. The same seed gives the same product on every machine.

const departmentNames: Record<Department, string> = {
  women: 'Women',
  men: 'Men',
  kids: 'Kids',
  accessories: 'Accessories',
};

/** @param index place of the product in its line; names do not repeat in a line of up to 75 products */
function buildProduct(line: ProductLine, index: number, random: Random): ProductDraft {
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

function categoryOf(line: ProductLine): CategoryPath {
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
  // About one variant in twelve is sold out, and some are nearly.
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

/** Chooses a print that differs from every colour of the piece. */
function accentFor(fabric: Fabric, chosen: ColorName[], random: Random): string {
  if (fabric === 'denim') return colors.Tan;
  const onDark = chosen.some((color) => dark.includes(color));
  const fitting = accents.filter((color) => !chosen.includes(color) && !(onDark && dark.includes(color)));
  return colors[random.pick(fitting)];
}

/** Ends prices in .00, .50, .90 or .95, as price tags do. Minor units. */
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
  /** A number from 0 up to, but not including, 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  pick<T>(from: readonly T[]): T;
  /** Chooses `count` different items, in the order of `from`. */
  sample<T>(from: readonly T[], count: number): T[];
}

/** Uses mulberry32; its 32 bits of state suffice for a catalog. */
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
