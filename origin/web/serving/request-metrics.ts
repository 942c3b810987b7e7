// Counts requests by status and measures how long each took.
import { Histogram, type Registry } from 'prom-client';

/** @param startedAtMs by `performance.now()` */
export type CountAnswer = (status: number, startedAtMs: number) => void;

export function createRequestMetrics(registry: Registry): CountAnswer {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to its answer, by the kind of status',
    labelNames: ['status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  // By the first digit: an address or an exact status would be a series each.
  const kinds = [1, 2, 3, 4, 5].map((digit) => durations.labels({ status: `${digit}xx` }));
  return (status, startedAtMs) => {
    kinds[Math.floor(status / 100) - 1]?.observe((performance.now() - startedAtMs) / 1_000);
  };
}
