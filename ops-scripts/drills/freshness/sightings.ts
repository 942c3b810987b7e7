// What an answer shows of the products under test, read from its body and nothing else: fields could be newer than what they stand above.
import type { Books, Slot } from './oracle.ts';
import { newestAbsence } from './shelf.ts';
import type { Subject, Target } from './subjects.ts';

export interface Sighting {
  slot: Slot;
  value: number;
}

/** `€` in UTF-8, read byte by byte. */
const euro = '\u00e2\u0082\u00ac';

/** @returns what an answer 200 shows, or the 404 of a product that is off the shelf */
export type See = (target: Target, status: number, body: Buffer) => Sighting[];

export function createEyes(subjects: Subject[], books: Pick<Books, 'shelf' | 'begun'>): See {
  const bySlug = new Map(subjects.map(({ slug }, index) => [slug, index]));
  return (target, status, bytes) => {
    if (status === 404 && target.shows === 'shelf')
      return [{ slot: books.shelf, value: newestAbsence(books.begun(books.shelf)) }];
    if (status !== 200) return [];
    const body = bytes.toString('latin1');
    switch (target.shows) {
      case 'product-json':
        return seeProductJson(body, target.subject!, subjects[target.subject!]!);
      case 'product-page':
        return seeProductPage(body, 2 * target.subject!);
      case 'list-json':
        return seeList(body, '"slug":"', bySlug, (from, to, index) => [
          ...seeAll(body, '"price":{"amount":', 2 * index, from, to),
          ...seeAll(body, '"available":', 2 * index + 1, from, to).map(({ slot, value }) => ({
            slot,
            value: value - subjects[index]!.otherStock,
          })),
        ]);
      case 'list-page':
        return seeList(body, 'href="/p/', bySlug, (from, to, index) =>
          seeAll(body, euro, 2 * index, from, to).slice(0, 1),
        );
      case 'shelf':
        return [
          ...seeProductPage(body, books.shelf),
          ...seeAll(body, '"price":{"amount":', books.shelf, 0, body.length),
        ];
      case 'absence':
        return [];
    }
  };
}

/** Its own price, those of all its variants, and the stock of one. */
function seeProductJson(body: string, index: number, { variantId }: Subject): Sighting[] {
  const at = body.indexOf(`"id":"${variantId}"`);
  return [
    ...seeAll(body, '"price":{"amount":', 2 * index, 0, body.length),
    ...(at < 0 ? [] : seeAll(body, '"available":', 2 * index + 1, at, body.length).slice(0, 1)),
  ];
}

/** Every amount on it, and those that search engines are told. */
function seeProductPage(body: string, slot: Slot): Sighting[] {
  return [
    ...seeAll(body, euro, slot, 0, body.length),
    ...seeAll(body, '"lowPrice":"', slot, 0, body.length),
    ...seeAll(body, '"highPrice":"', slot, 0, body.length),
  ];
}

function seeList(
  body: string,
  mark: string,
  bySlug: Map<string, number>,
  see: (from: number, to: number, index: number) => Sighting[],
): Sighting[] {
  const seen: Sighting[] = [];
  for (let at = body.indexOf(mark); at >= 0; ) {
    const from = at + mark.length;
    const next = body.indexOf(mark, from);
    const index = bySlug.get(body.slice(from, body.indexOf('"', from)));
    if (index !== undefined) seen.push(...see(from, next < 0 ? body.length : next, index));
    at = next;
  }
  return seen;
}

function seeAll(body: string, mark: string, slot: Slot, from: number, to: number): Sighting[] {
  const seen: Sighting[] = [];
  for (let at = body.indexOf(mark, from); at >= 0 && at < to; at = body.indexOf(mark, at + 1)) {
    seen.push({ slot, value: readAmount(body, at + mark.length) });
  }
  return seen;
}

/** `10,000.05`, `10000.05` and `1000005` are one amount: the drill's prices have four digits and more before the point. */
function readAmount(body: string, at: number): number {
  let value = 0;
  for (; ; at++) {
    const code = body.charCodeAt(at);
    if (code >= 48 && code <= 57) value = value * 10 + code - 48;
    else if (code !== 44 && code !== 46) return value;
  }
}
