// Liveness and readiness of the process. Neither depends on Postgres or Redis, because the shop works without them.
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';

export class Health {
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #askedAt = Number.NEGATIVE_INFINITY;

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** Whether a load balancer or similar polls the readiness, and must notice its end before the process stops. */
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
