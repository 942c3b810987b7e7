// Whether the process lives, and whether it wants requests. Never whether Postgres or Redis is away: the shop goes on without them.
import { Hono } from 'hono';
import type { AppEnv } from './env.ts';

export class Health {
  #state: 'starting' | 'ready' | 'draining' = 'starting';

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  get isDraining(): boolean {
    return this.#state === 'draining';
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
    .get('/livez', (c) => c.json({ status: 'alive' }))
    .get('/readyz', (c) =>
      health.isReady ? c.json({ status: 'ready' }) : c.json({ status: 'not ready' }, 503),
    );
}
