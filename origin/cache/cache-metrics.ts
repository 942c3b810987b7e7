// Counts the cache's hits, misses and bypasses, for METRICS_PORT.
import { Counter, type Registry } from 'prom-client';
import type { CacheOutcome } from './entry.ts';

/** @returns what is called for each read: it only counts, as a cart of many lines is many reads. */
export function createCacheMetrics(registry: Registry): (outcome: CacheOutcome) => void {
  const reads: Record<CacheOutcome, number> = { hit: 0, miss: 0, bypass: 0 };
  new Counter({
    name: 'cache_reads_total',
    help: 'Reads through the fenced cache: a hit came from memory or Redis, a miss was filled and kept, a bypass was not kept',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, times] of Object.entries(reads)) this.inc({ outcome }, times);
    },
  });
  return (outcome) => {
    reads[outcome] += 1;
  };
}
