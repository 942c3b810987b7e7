// Sheds load: refuses requests that could only be answered too late. Browsing first, then carts and checkouts, never
// health checks.
import type { MiddlewareHandler } from 'hono';
import { unavailable } from '../../errors.ts';
import type { AppEnv, RuntimeBindings } from '../env.ts';

export interface LoadBounds {
  /** Requests at the same time, of every kind, at work or waiting for their turn. */
  all: number;
  /**
   * Above so many of every kind, requests that only browse are refused: what is left is for carts and checkouts,
   * ahead of who waits.
   */
  browsing: number;
}

/** At some thousand requests a second, the last in line still waits about a second. */
export const usualLoadBounds: LoadBounds = { all: 1_500, browsing: 1_000 };

const health = /^\/(livez|readyz)$/;
/** A shopper on the way to an order. */
const committed = /^\/(api\/)?(cart|checkout|orders|account|accounts|sessions|sign-in|sign-up)(\/|$)/;

/** @throws Refusal 503 with `Retry-After`, before anything was done for the request. */
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
