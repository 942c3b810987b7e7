// How often a cache answered, for METRICS_PORT.
import { Counter, type Registry } from 'prom-client';
import type { CacheOutcome } from './entry.ts';

const outcomes: CacheOutcome[] = ['hit', 'miss', 'bypass'];

/** @returns what is called for each read; bound once, as it is on the way of every page. */
export function createCacheMetrics(registry: Registry): (outcome: CacheOutcome) => void {
  const reads = new Counter({
    name: 'cache_reads_total',
    help: 'Reads through the fenced cache: a hit came from memory or Redis, a miss was filled and kept, a bypass was not kept',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const bound = Object.fromEntries(outcomes.map((outcome) => [outcome, reads.labels(outcome)]));
  // A counter that nobody has seen at zero hides its first step from whoever watches its rate.
  for (const counter of Object.values(bound)) counter.inc(0);
  return (outcome) => bound[outcome]!.inc();
}
