// Fills a missing entry: from a replica where its rows are at or above the floors, else from the primary.
import { isPostgresAway } from '../postgres/postgres-errors.ts';
import type { Fresh, Loaded, ReadRequest } from './entry.ts';
import type { EntrySources } from './sources.ts';

type Request = ReadRequest<unknown>;

/** Checked where a replica filled it: its rows count only at or above floors that were read after them. */
export async function fillForStore(entrySources: EntrySources, request: Request): Promise<Loaded> {
  const { sources, floors, clock } = entrySources;
  const found = request.fromReplicas ? await sources?.fromReplica(request.fill) : undefined;
  if (sources === undefined || found === undefined) return fillFromPrimary(entrySources, request);
  const asOf = clock();
  const verdict = await floors.check(found.value.tags).catch(() => 'unreadable' as const);
  if (verdict === 'above') return { ...unchecked(found.value, asOf), isChecked: true };
  if (verdict === 'unreadable') return fillUnchecked(entrySources, request);
  sources.wasBelowFloor();
  return fillFromPrimary(entrySources, request);
}

/**
 * A replica that cannot show whom it follows may still answer while nobody else can, as long as no floor forbids it.
 */
async function fillWhilePrimaryIsAway(
  { sources, floors, clock }: EntrySources,
  request: Request,
  error: unknown,
): Promise<Loaded> {
  const asOf = clock();
  const found = await sources?.whilePrimaryIsAway(request.fill);
  const verdict = found && (await floors.check(found.value.tags).catch(() => 'unreadable' as const));
  if (found === undefined || verdict === 'below') throw error;
  return unchecked(found.value, asOf);
}

/** While the floors cannot be read: nothing may be stored, and a replica must be past what the primary had written. */
export async function fillUnchecked(entrySources: EntrySources, request: Request): Promise<Loaded> {
  if (entrySources.sources === undefined || !request.fromReplicas)
    return fillFromPrimary(entrySources, request);
  const { value, asOf } = await entrySources.sources.current(request.fill);
  return unchecked(value, asOf);
}

async function fillFromPrimary(entrySources: EntrySources, request: Request): Promise<Loaded> {
  const { sources, db, clock } = entrySources;
  const asOf = clock();
  if (sources === undefined || !request.fromReplicas) return unchecked(await request.fill(db), asOf);
  try {
    return unchecked(await sources.fromPrimary(request.fill), asOf);
  } catch (error) {
    if (!isPostgresAway(error)) throw error;
    return fillWhilePrimaryIsAway(entrySources, request, error);
  }
}

function unchecked(fresh: Fresh<unknown>, asOf: number): Loaded {
  return { ...fresh, outcome: 'bypass', asOf, bytes: 0, isChecked: false };
}
