// Writes the edge's metrics as OpenMetrics 1.0 text.
import { type Counts, outcomes } from './counts.ts';
import type { Fence } from './fence.ts';
import type { Store } from './store.ts';

export interface Measured {
  counts: Counts;
  store: Pick<Store, 'bytes'>;
  fence: Pick<Fence, 'leaseLeftMs'>;
}

export const metricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export function writeMetrics({ counts, store, fence }: Measured): string {
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
