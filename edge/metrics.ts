// Counts the edge's answers by outcome, and writes its metrics as OpenMetrics 1.0 text.
// The outcome is read from Cache-Status (RFC 9211).
import type { Fence } from './fence.ts';
import type { Store } from './stored/stored-response.ts';

/** Counts the edge's answers by outcome, read from the Cache-Status field (RFC 9211) of each answer. */
const outcomes = ['hit', 'stale', 'revalidated', 'miss', 'write', 'away', 'refused'] as const;
type Outcome = (typeof outcomes)[number];

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

export interface MeasuredEdge {
  counts: Counts;
  store: Pick<Store, 'bytes'>;
  fence: Pick<Fence, 'leaseLeftMs'>;
}

export const metricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export function writeMetrics({ counts, store, fence }: MeasuredEdge): string {
  return `${[
    '# TYPE edge_answers counter',
    '# HELP edge_answers Answers by what the cache did for them',
    ...outcomes.map((outcome) => `edge_answers_total{outcome="${outcome}"} ${counts.answers[outcome]}`),
    '# TYPE edge_purges counter',
    '# HELP edge_purges Purges that were accepted, also those that only renew the lease',
    `edge_purges_total ${counts.purges}`,
    '# TYPE edge_store_faults counter',
    '# HELP edge_store_faults Reads and writes of the store that failed and were passed over',
    `edge_store_faults_total ${counts.storeFaults}`,
    '# TYPE edge_stored_bytes gauge',
    '# UNIT edge_stored_bytes bytes',
    '# HELP edge_stored_bytes Bytes that stored answers take',
    `edge_stored_bytes ${store.bytes()}`,
    '# TYPE edge_lease_left_seconds gauge',
    '# UNIT edge_lease_left_seconds seconds',
    '# HELP edge_lease_left_seconds How long tagged answers may be served without another purge; 0 without a lease',
    `edge_lease_left_seconds ${fence.leaseLeftMs() / 1_000}`,
    '# EOF',
  ].join('\n')}\n`;
}
