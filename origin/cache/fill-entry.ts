// Who fills an entry that no cache has: a replica where the floors stand, read after its rows, else the primary.
import type { Db } from '../postgres/database.ts';
import type { Fresh, ReadRequest } from './fenced-cache.ts';
import type { Loaded, Origins } from './load-entry.ts';

/** What a fill may be run on, beside the primary's own pool. */
export interface FillSources {
  /** Perhaps old rows. Undefined where no replica answers. */
  fromReplica<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T } | undefined>;
  wasBelowFloor(): void;
  fromPrimary<T>(fill: (db: Db) => Promise<T>): Promise<T>;
  /** Everything committed before `asOf`, by the monotonic clock. */
  current<T>(fill: (db: Db) => Promise<T>): Promise<{ value: T; asOf: number }>;
}

type Request = ReadRequest<unknown>;

/** Checked where a replica filled it: its rows count only at or above floors that were read after them. */
export async function fillForStore(origins: Origins, request: Request): Promise<Loaded> {
  const { sources, floors, clock } = origins;
  const found = request.fromReplicas ? await sources?.fromReplica(request.fill) : undefined;
  if (sources === undefined || found === undefined) return fillFromPrimary(origins, request);
  const asOf = clock();
  const verdict = await floors.check(found.value.tags).catch(() => 'unreadable' as const);
  if (verdict === 'above') return { ...unchecked(found.value, asOf), isChecked: true };
  if (verdict === 'unreadable') return fillUnchecked(origins, request);
  sources.wasBelowFloor();
  return fillFromPrimary(origins, request);
}

/** While the floors cannot be read: nothing may be stored, and a replica must be past what the primary had written. */
export async function fillUnchecked(origins: Origins, request: Request): Promise<Loaded> {
  if (origins.sources === undefined || !request.fromReplicas) return fillFromPrimary(origins, request);
  const { value, asOf } = await origins.sources.current(request.fill);
  return unchecked(value, asOf);
}

async function fillFromPrimary({ sources, db, clock }: Origins, request: Request): Promise<Loaded> {
  const asOf = clock();
  const isBrowsing = sources !== undefined && request.fromReplicas === true;
  return unchecked(await (isBrowsing ? sources.fromPrimary(request.fill) : request.fill(db)), asOf);
}

function unchecked(fresh: Fresh<unknown>, asOf: number): Loaded {
  return { ...fresh, outcome: 'bypass', asOf, bytes: 0, isChecked: false };
}
