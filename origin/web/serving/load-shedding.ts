// Sheds load, and counts requests by status and duration.
import type { MiddlewareHandler } from 'hono';
import { Histogram, type Registry } from 'prom-client';
import { unavailable } from '../../errors.ts';
import type { AppEnv, RuntimeBindings } from '../env.ts';

export interface LoadBounds {
  /** Most requests of every kind that run or wait. */
  all: number;
  /** Above this number of requests of every kind, browsing is refused. The rest is reserved for carts and checkouts. */
  browsing: number;
}

/** At some thousand requests a second, the last waiting request still waits only about a second. */
export const usualLoadBounds: LoadBounds = { all: 1_500, browsing: 1_000 };

const health = /^\/(livez|readyz)$/;
/** Paths of shoppers on the way to an order. */
const committed = /^\/(api\/)?(cart|checkout|orders|account|accounts|sessions|sign-in|sign-up)(\/|$)/;

/** @throws Refusal 503 with `Retry-After`, before any work on the request */
export function createLoadShedding(bounds: LoadBounds): MiddlewareHandler<AppEnv> {
  let atWork = 0;
  return async (c, next) => {
    if (health.test(c.req.path)) return next();
    const bound = onlyBrowses(c.req.method, c.req.path) ? bounds.browsing : bounds.all;
    const { waiting = 0 } = (c.env ?? {}) as RuntimeBindings;
    if (atWork + waiting >= bound) throw unavailable('The shop is very busy at this moment; try again');
    atWork += 1;
    try {
      await next();
    } finally {
      atWork -= 1;
    }
  };
}

function onlyBrowses(method: string, path: string): boolean {
  return (method === 'GET' || method === 'HEAD') && !committed.test(path);
}

// Counts requests by status and measures their duration.

/** @param startedAtMs from `performance.now()` */
export type CountAnswer = (status: number, startedAtMs: number) => void;

export function createRequestMetrics(registry: Registry): CountAnswer {
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to its answer, by the kind of status',
    labelNames: ['status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  // Labels by the first digit only, because exact statuses or addresses would make too many series.
  const kinds = [1, 2, 3, 4, 5].map((digit) => durations.labels({ status: `${digit}xx` }));
  return (status, startedAtMs) => {
    kinds[Math.floor(status / 100) - 1]?.observe((performance.now() - startedAtMs) / 1_000);
  };
}
