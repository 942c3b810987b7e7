// Chooses the replica for a read: it answers, follows the present primary, lags at most a minute, and has the least to
// do.
import type { PrimaryLog } from './primary-log.ts';
import type { Replica } from './replica.ts';

export type Unfitness = 'silent' | 'promoted' | 'other timeline' | 'lagging';

type Measured = Pick<Replica, 'replayed' | 'followedTimeline'>;

const mostLagSeconds = 60;

/** @returns undefined where it may answer those who have written nothing of late. */
export function whyUnfit(
  { replayed, followedTimeline }: Measured,
  primary: Pick<PrimaryLog, 'newest' | 'lagSeconds'>,
): Unfitness | undefined {
  if (replayed === undefined) return 'silent';
  if (!replayed.isReplica) return 'promoted';
  const newest = primary.newest();
  // A primary that has never answered cannot be compared with: its replicas are taken as they are.
  if (newest === undefined) return undefined;
  if (followedTimeline !== newest.timeline) return 'other timeline';
  return primary.lagSeconds(replayed.lsn) > mostLagSeconds ? 'lagging' : undefined;
}

/** The least loaded; among equals the first after a random one, so that none is favoured. */
export function leastLoaded<T extends Pick<Replica, 'inFlight'>>(
  candidates: T[],
  random: () => number = Math.random,
): T | undefined {
  const start = Math.floor(random() * candidates.length);
  const turned = [...candidates.slice(start), ...candidates.slice(0, start)];
  return turned.reduce<T | undefined>(
    (best, candidate) => (best === undefined || candidate.inFlight < best.inFlight ? candidate : best),
    undefined,
  );
}

/** When nobody can say what is true now: the furthest first, and last those that have just been silent. */
export function furthestFirst<T extends Measured>(replicas: T[]): T[] {
  const lsnOf = (replica: T) => replica.replayed?.lsn ?? -1n;
  return replicas
    .filter(({ replayed }) => replayed?.isReplica !== false)
    .sort((a, b) => (lsnOf(a) < lsnOf(b) ? 1 : -1));
}
