// Counts the edge's answers by outcome, read from the Cache-Status field (RFC 9211) of each answer.
export const outcomes = ['hit', 'stale', 'revalidated', 'miss', 'write', 'away', 'refused'] as const;
export type Outcome = (typeof outcomes)[number];

export interface Counts {
  answers: Record<Outcome, number>;
  /** Accepted purges: signed, recent and readable. */
  purges: number;
  /** Reads and writes of the store that failed and were passed over. */
  storeFaults: number;
}

export function createCounts(): Counts {
  return {
    answers: { hit: 0, stale: 0, revalidated: 0, miss: 0, write: 0, away: 0, refused: 0 },
    purges: 0,
    storeFaults: 0,
  };
}

/** @param cacheStatus the whole field; caches before this one come first in it. */
export function outcomeOf(cacheStatus: string): Outcome {
  const own = cacheStatus.slice(cacheStatus.lastIndexOf('edge'));
  if (own.includes('detail=origin-')) return 'away';
  if (own.includes('detail=stale-')) return 'stale';
  if (own.startsWith('edge; hit') || own.includes('; collapsed')) return 'hit';
  if (own.includes('fwd=stale; fwd-status=304')) return 'revalidated';
  if (own.includes('fwd=method')) return 'write';
  return own.includes('fwd=') ? 'miss' : 'refused';
}
