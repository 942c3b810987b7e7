// Redis keys of a cart. Its copy, its journal and the index of journals share one slot, so that one script changes all
// three. Many carts share one index, so that the worker reads few sets to find every journal.
import calculateSlot from 'cluster-key-slot';

/** Enough to spread evenly over dozens of servers, and few enough to ask for all in one go each second. */
const buckets = 128;

/** @param part stands for the database's lineage: what another one held is not found. A journal outlives them all. */
export function copyKey(cartId: string, part = ''): string {
  return `${bucketOf(cartId)}:copy${part && `-${part}`}:${cartId}`;
}

export function journalKey(cartId: string): string {
  return `${bucketOf(cartId)}:journal:${cartId}`;
}

/** Names the carts of the bucket that have a journal. */
export function journalIndexKey(cartId: string): string {
  return `${bucketOf(cartId)}:journals`;
}

/** Tells since when this bucket's journals exist: a new value means that Redis was emptied. */
export function birthKey(cartId: string): string {
  return `${bucketOf(cartId)}:birth`;
}

/** A server process and the birth of the journals on it: another one may lack what the first had. */
export type JournalHome = string | undefined;

/** @param runId undefined where it is not known for certain which process answered */
export function journalHome(runId: string | undefined, birth: string): JournalHome {
  return runId && `${runId} ${birth}`;
}

/** Of every bucket. */
export const journalIndexKeys: string[] = Array.from({ length: buckets }, (_, n) => `{carts-${n}}:journals`);

function bucketOf(cartId: string): string {
  return `{carts-${calculateSlot(cartId) % buckets}}`;
}
