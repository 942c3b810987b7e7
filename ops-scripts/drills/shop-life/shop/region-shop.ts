// Starts a whole region for the drill: shoppers use the balancer, and a killed store fails over.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRegion } from '../../region.ts';
import type { LivingShop, PartName } from './living-shop.ts';

const kindOf: Record<PartName, string> = {
  origin: 'origin',
  worker: 'worker',
  redis: 'redis-primary',
  postgres: 'postgres-primary',
};

/** @throws where it cannot start; nothing is left running. */
export async function startRegionShop(outside: Record<string, string>): Promise<LivingShop> {
  const region = await startRegion({ ...process.env, ...outside }, { state: 'server' });
  const running = JSON.parse(readFileSync(join(region.folder, 'region', 'running.json'), 'utf8')) as {
    databaseUrl: string;
    redisUrl: string;
  };
  return {
    url: region.storefront,
    databaseUrl: running.databaseUrl,
    redisUrl: running.redisUrl,
    staff: region.staff,
    logFolder: join(region.folder, 'region', 'parts', 'logs'),
    folder: region.folder,
    parts: ['origin', 'worker', 'redis', 'postgres'],
    environment: { ...process.env, DATABASE_URL: running.databaseUrl, REDIS_URL: running.redisUrl },
    async restart(part, signal) {
      await region.refresh();
      // Of Postgres' ways to stop, SIGTERM would wait until the last client has gone.
      const stop = part === 'postgres' && signal === 'SIGTERM' ? 'SIGINT' : signal;
      region.signal(region.ofKind(kindOf[part]), stop);
      await region.rebuilt();
      await region.healed();
    },
    [Symbol.asyncDispose]: () => region[Symbol.asyncDispose](),
  };
}
