// Formats a set of addresses for people: the first ranges, and how many more.
import { type AddressFamily, formatAddress } from './address.ts';
import type { IntervalSet } from './interval-set.ts';

export function formatSet(family: AddressFamily, set: IntervalSet, limit = 3): string {
  const shown = set
    .slice(0, limit)
    .map(({ start, end }) =>
      start === end
        ? formatAddress(family, start)
        : `${formatAddress(family, start)}-${formatAddress(family, end)}`,
    );
  return shown.join(', ') + (set.length > limit ? ` and ${set.length - limit} more ranges` : '');
}
