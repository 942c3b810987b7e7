// Reads prices and stocks from an answer's body alone: header fields could be newer than the body.
import type { Oracle, Slot, Subject, Target } from './subjects.ts';
import { newestAbsence } from './writers.ts';

export interface SeenValue {
  slot: Slot;
  value: number;
}

/** `€` in UTF-8, read byte by byte. */
const euro = '\u00e2\u0082\u00ac';

/** @returns the values in an answer 200, or in the 404 of an archived product */
export type ReadValues = (target: Target, status: number, body: Buffer) => SeenValue[];

export function createValueReader(
  subjects: Subject[],
  oracle: Pick<Oracle, 'archivable' | 'begun'>,
): ReadValues {
  const bySlug = new Map(subjects.map(({ slug }, index) => [slug, index]));
  return (target, status, bytes) => {
    if (status === 404 && target.shows === 'archivable')
      return [{ slot: oracle.archivable, value: newestAbsence(oracle.begun(oracle.archivable)) }];
    if (status !== 200) return [];
    const body = bytes.toString('latin1');
    switch (target.shows) {
      case 'product-json':
        return seeProductJson(body, target.subject!, subjects[target.subject!]!);
      case 'product-page':
        return seeProductPage(body, 2 * target.subject!);
      case 'list-json':
        return seeList(body, '"slug":"', bySlug, (from, to, index) => [
          ...seeAll(body, '"price":{"amount":', 2 * index, [from, to]),
          ...seeAll(body, '"available":', 2 * index + 1, [from, to]).map(({ slot, value }) => ({
            slot,
            value: value - subjects[index]!.otherStock,
          })),
        ]);
      case 'list-page':
        return seeList(body, 'href="/p/', bySlug, (from, to, index) =>
          seeAll(body, euro, 2 * index, [from, to]).slice(0, 1),
        );
      case 'archivable':
        return [
          ...seeProductPage(body, oracle.archivable),
          ...seeAll(body, '"price":{"amount":', oracle.archivable, [0, body.length]),
        ];
      case 'absence':
        return [];
    }
  };
}

/** Reads its price, the prices of its variants, and the stock of one variant. */
function seeProductJson(body: string, index: number, { variantId }: Subject): SeenValue[] {
  const at = body.indexOf(`"id":"${variantId}"`);
  return [
    ...seeAll(body, '"price":{"amount":', 2 * index, [0, body.length]),
    ...(at < 0 ? [] : seeAll(body, '"available":', 2 * index + 1, [at, body.length]).slice(0, 1)),
  ];
}

/** Reads every amount on the page, including those for search engines. */
function seeProductPage(body: string, slot: Slot): SeenValue[] {
  return [
    ...seeAll(body, euro, slot, [0, body.length]),
    ...seeAll(body, '"lowPrice":"', slot, [0, body.length]),
    ...seeAll(body, '"highPrice":"', slot, [0, body.length]),
  ];
}

function seeList(
  body: string,
  mark: string,
  bySlug: Map<string, number>,
  see: (from: number, to: number, index: number) => SeenValue[],
): SeenValue[] {
  const seen: SeenValue[] = [];
  for (let at = body.indexOf(mark); at >= 0; ) {
    const from = at + mark.length;
    const next = body.indexOf(mark, from);
    const index = bySlug.get(body.slice(from, body.indexOf('"', from)));
    if (index !== undefined) seen.push(...see(from, next < 0 ? body.length : next, index));
    at = next;
  }
  return seen;
}

function seeAll(body: string, mark: string, slot: Slot, [from, to]: [from: number, to: number]): SeenValue[] {
  const seen: SeenValue[] = [];
  for (let at = body.indexOf(mark, from); at >= 0 && at < to; at = body.indexOf(mark, at + 1)) {
    seen.push({ slot, value: readAmount(body, at + mark.length) });
  }
  return seen;
}

/** Reads digits and ignores separators: `10,000.05`, `10000.05` and `1000005` are the same amount. */
function readAmount(body: string, at: number): number {
  let value = 0;
  for (; ; at++) {
    const code = body.charCodeAt(at);
    if (code >= 48 && code <= 57) value = value * 10 + code - 48;
    else if (code !== 44 && code !== 46) return value;
  }
}
