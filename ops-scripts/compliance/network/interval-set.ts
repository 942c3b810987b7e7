// A set of whole numbers as ordered, disjoint intervals that do not touch, so that each set has exactly one form.

export interface Interval {
  readonly start: bigint;
  /** Inclusive. */
  readonly end: bigint;
}

export type IntervalSet = readonly Interval[];

/** The union of any intervals, which may be unordered and overlap. O(n log n). */
export function unite(intervals: readonly Interval[]): IntervalSet {
  const ordered = intervals
    .filter(({ start, end }) => start <= end)
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const merged: { start: bigint; end: bigint }[] = [];
  for (const { start, end } of ordered) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end + 1n) {
      if (end > last.end) last.end = end;
    } else merged.push({ start, end });
  }
  return merged;
}

/** The numbers in `from` that are not in `removed`. */
export function subtract(from: IntervalSet, removed: IntervalSet): IntervalSet {
  const rest: Interval[] = [];
  let next = 0;
  for (const { start, end } of from) {
    let at = start;
    while (next < removed.length && removed[next]!.end < at) next += 1;
    for (let i = next; i < removed.length && removed[i]!.start <= end; i += 1) {
      const cut = removed[i]!;
      if (cut.start > at) rest.push({ start: at, end: cut.start - 1n });
      if (cut.end >= at) at = cut.end + 1n;
    }
    if (at <= end) rest.push({ start: at, end });
  }
  return rest;
}

export function intersect(a: IntervalSet, b: IntervalSet): IntervalSet {
  return subtract(a, subtract(a, b));
}

export function isEmpty(set: IntervalSet): boolean {
  return set.length === 0;
}

export function isSubset(inner: IntervalSet, outer: IntervalSet): boolean {
  return isEmpty(subtract(inner, outer));
}

/** Uses a binary search. */
export function contains(set: IntervalSet, value: bigint): boolean {
  let low = 0;
  let high = set.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const { start, end } = set[middle]!;
    if (value < start) high = middle - 1;
    else if (value > end) low = middle + 1;
    else return true;
  }
  return false;
}
