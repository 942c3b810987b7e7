// Liveness and readiness of the process. Neither depends on Postgres or Redis: the shop goes on without them.
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';

export class Health {
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #askedAt = Number.NEGATIVE_INFINITY;

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** Whether somebody, such as a load balancer, goes by our readiness and must first notice that it has ended. */
  get isWatched(): boolean {
    return performance.now() - this.#askedAt < 10_000;
  }

  asked(): void {
    this.#askedAt = performance.now();
  }

  markReady(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  drain(): void {
    this.#state = 'draining';
  }
}

export function healthRoutes(health: Health): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/livez', (c) => c.json({ status: 'alive', pid: process.pid }))
    .get('/readyz', (c) => {
      health.asked();
      return health.isReady ? c.json({ status: 'ready' }) : c.json({ status: 'not ready' }, 503);
    });
}
