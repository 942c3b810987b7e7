// Redis keys of a cart. Its copy, its journal and the index of journals share one slot, so that one script changes all
// three. Many carts share one index, so that the worker reads few sets to find every journal.
import calculateSlot from 'cluster-key-slot';

/** Enough to spread evenly over dozens of servers, and few enough to ask for all in one go each second. */
const buckets = 128;

export function copyKey(cartId: string): string {
  return `${bucketOf(cartId)}:copy:${cartId}`;
}

export function journalKey(cartId: string): string {
  return `${bucketOf(cartId)}:journal:${cartId}`;
}

/** Names the carts of the bucket that have a journal. */
export function journalIndexKey(cartId: string): string {
  return `${bucketOf(cartId)}:journals`;
}

/** Of every bucket. */
export const journalIndexKeys: string[] = Array.from({ length: buckets }, (_, n) => `{carts-${n}}:journals`);

function bucketOf(cartId: string): string {
  return `{carts-${calculateSlot(cartId) % buckets}}`;
}
