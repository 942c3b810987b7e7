// Chooses the products that the drill changes, and lists the addresses that show them.
// The oracle keeps which value each change set, and the lowest that a new request may see.
import { readCatalog } from '../../traffic/read-catalog.ts';
import type { SeededRandom } from '../../traffic/seeded-random.ts';

export interface Subject {
  id: string;
  slug: string;
  /** The variant whose stock is changed. */
  variantId: string;
  /** The lowest price in minor units that the drill sets, above every earlier price of the product. */
  firstPrice: number;
  /** The lowest stock that the drill sets. */
  firstStock: number;
  /** Pieces of the other variants, which nobody changes. Lists show the sum of all variants. */
  otherStock: number;
}

export interface Target {
  path: string;
  shows: 'product-json' | 'product-page' | 'list-json' | 'list-page' | 'absence' | 'archivable';
  /** The subject whose own page it is. */
  subject?: number;
}

interface ProductJson {
  id: string;
  slug: string;
  category: string;
  price: { amount: number };
  variants: { id: string; available: number }[];
}

/** Higher than the price of any clothes, so that a price identifies its change. */
const leastPrice = 1_000_000;
const leastStock = 1_000;

/** Chooses the newest products, because the front page and the plain list show them. */
export async function chooseSubjects(
  url: string,
  count: number,
): Promise<{ subjects: Subject[]; categories: string[] }> {
  const { items } = await readCatalog<{ items: { slug: string }[] }>(`${url}/api/products?limit=${count}`);
  const products = await Promise.all(
    items.map(({ slug }) => readCatalog<ProductJson>(`${url}/api/products/${slug}`)),
  );
  const subjects = products.map(({ id, slug, price, variants }): Subject => {
    const [own, ...others] = variants as [ProductJson['variants'][0], ...ProductJson['variants']];
    return {
      id,
      slug,
      variantId: own.id,
      firstPrice: Math.max(leastPrice, price.amount + 1),
      firstStock: Math.max(leastStock, own.available + 1),
      otherStock: others.reduce((sum, { available }) => sum + available, 0),
    };
  });
  return { subjects, categories: [...new Set(products.map(({ category }) => category))] };
}

/** Lists own pages more often than lists, as in a real shop. */
export function listTargets(
  subjects: Subject[],
  categories: string[],
  archivedSlug: string | undefined,
  random: SeededRandom,
): Target[] {
  const own = subjects.flatMap(({ slug }, subject): Target[] => [
    { path: `/p/${slug}`, shows: 'product-page', subject },
    { path: `/api/products/${slug}`, shows: 'product-json', subject },
  ]);
  const words = subjects.map(({ slug }) => slug.split('-').at(-1)!);
  const lists = categories.slice(0, 4).flatMap((category): Target[] => [
    { path: `/c/${category}`, shows: 'list-page' },
    { path: `/api/products?category=${category}`, shows: 'list-json' },
  ]);
  const searches = [...new Set(words)].slice(0, 4).flatMap((word): Target[] => [
    { path: `/search?q=${word}`, shows: 'list-page' },
    { path: `/api/products?q=${word}`, shows: 'list-json' },
  ]);
  const whole: Target[] = [
    { path: '/', shows: 'list-page' },
    { path: `/api/products?limit=${subjects.length}`, shows: 'list-json' },
    { path: '/api/products?sort=price-desc', shows: 'list-json' },
  ];
  const archivable =
    archivedSlug === undefined ? [] : [`/p/${archivedSlug}`, `/api/products/${archivedSlug}`];
  const absent = `nobody-made-this-${random.integer(1, 1_000_000)}`;
  return [
    ...own,
    ...own,
    ...lists,
    ...searches,
    ...whole,
    ...[...archivable, ...archivable].map((path): Target => ({ path, shows: 'archivable' })),
    { path: `/p/${absent}`, shows: 'absence' },
    { path: `/api/products/${absent}`, shows: 'absence' },
  ];
}

/**
 * One number that a product shows: its price or its stock. Slots `2i` and `2i + 1` are those of the subject
 * `i`; the last is that of the archivable product. Values only rise, so that a value identifies its change.
 */
export type Slot = number;

interface Finished {
  value: number;
  /** When the drill learned that the change is done, in its milliseconds. */
  atMs: number;
}

export interface Oracle {
  /** A copy of the lowest value of each slot that a request may see if it begins now. */
  floors(): Int32Array;
  /** Returns the next value of a slot, which is in progress until `finish`. */
  begin(slot: Slot): number;
  finish(slot: Slot, value: number, atMs: number): void;
  readonly finishedChanges: number;
  /** The newest value of a slot, in progress or finished. */
  begun(slot: Slot): number;
  /** The slot of the product that is archived and published again. */
  readonly archivable: Slot;
  /** Slots of subjects without a change in progress. */
  idle(): Slot[];
  /** The first finished change that forbids the value that was seen. */
  finishedAbove(slot: Slot, seen: number): Finished | undefined;
  describe(slot: Slot): string;
}

export function openOracle(subjects: Subject[]): Oracle {
  const archivable = 2 * subjects.length;
  const first = subjects.flatMap(({ firstPrice, firstStock }) => [firstPrice, firstStock]);
  const begun = new Int32Array([...first, leastPrice]);
  const finished = new Int32Array(begun.length);
  const history = Array.from(begun, (): Finished[] => []);
  const onTheirWay = new Set<Slot>();
  return {
    get finishedChanges() {
      return history.reduce((sum, { length }) => sum + length, 0);
    },
    floors: () => finished.slice(),
    begin(slot) {
      onTheirWay.add(slot);
      begun[slot]! += 1;
      return begun[slot]!;
    },
    finish(slot, value, atMs) {
      onTheirWay.delete(slot);
      if (value <= finished[slot]!) return;
      finished[slot] = value;
      history[slot]!.push({ value, atMs });
    },
    begun: (slot) => begun[slot]!,
    archivable,
    idle: () => [...begun.keys()].filter((slot) => slot !== archivable && !onTheirWay.has(slot)),
    finishedAbove: (slot, seen) => history[slot]!.find(({ value }) => value > seen),
    describe: (slot) =>
      slot === archivable
        ? 'state of the archivable product'
        : `${slot % 2 === 0 ? 'price' : 'stock'} of ${subjects[slot >> 1]!.slug}`,
  };
}
