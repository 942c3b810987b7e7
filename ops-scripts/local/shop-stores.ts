// The stores of a local shop. Their addresses are known before they run, so that processes can start beside them.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalSettings } from './config.ts';
import type { DataFolder, KeptSecrets } from './data-folder.ts';
import { type StoreServer, supervise } from './part.ts';
import { findFreePort } from './ports.ts';
import { postgresUrl, startPostgres } from './postgres.ts';
import type { ProcessRecord } from './processes.ts';
import { redisUrl, startRedisServer } from './redis.ts';
import { allOrFirstFailure } from './wait-until.ts';

export interface StoresPlan {
  settings: LocalSettings;
  folder: DataFolder;
  secrets: KeptSecrets;
  processes: ProcessRecord;
  standing: AsyncDisposableStack;
  hooks: {
    signal: AbortSignal;
    onEvent: (sentence: string) => void;
    onGiveUp: (sentence: string) => void;
  };
}

export interface PlacedStores {
  databaseUrl: string;
  redisUrl: string;
  /** Those that are ours; resolves when they answer. @throws a sentence that says what to do. */
  start(): Promise<void>;
  /** Whether schema and demo catalog are known to be complete: of a database that others keep, never. */
  isPrepared(): boolean;
  markPrepared(): void;
}

export async function placeStores(plan: StoresPlan): Promise<PlacedStores> {
  const { settings, folder, secrets, hooks } = plan;
  const postgresFolder = join(folder.path, 'postgres');
  // In the data folder itself, so that it goes with it; Postgres passes over what it does not know.
  const preparedFile = join(postgresFolder, 'myclothes.prepared');
  const ports = { postgres: await findFreePort(), redis: await findFreePort() };
  const postgres = (signal: AbortSignal) =>
    startPostgres({
      folder: postgresFolder,
      password: secrets.postgresPassword,
      logFile: join(folder.path, 'logs', 'postgres.log'),
      port: ports.postgres,
      onSpawned: plan.processes.add,
      onProgress: hooks.onEvent,
      signal,
    });
  const redis = (signal: AbortSignal) =>
    startRedisServer({
      folder: join(folder.path, 'redis'),
      password: secrets.redisPassword,
      logFile: join(folder.path, 'logs', 'redis.log'),
      toolsFolder: join(folder.path, 'tools'),
      port: ports.redis,
      onSpawned: plan.processes.add,
      onProgress: hooks.onEvent,
      signal,
    });
  return {
    databaseUrl: settings.databaseUrl ?? postgresUrl(secrets.postgresPassword, ports.postgres),
    redisUrl: settings.redisUrl ?? redisUrl(secrets.redisPassword, ports.redis),
    start: async () => {
      const own = [
        ...(settings.databaseUrl === undefined ? [keepStore(plan, 'Postgres', postgres)] : []),
        ...(settings.redisUrl === undefined ? [keepStore(plan, 'Redis', redis)] : []),
      ];
      await allOrFirstFailure(own);
    },
    isPrepared: () => settings.databaseUrl === undefined && existsSync(preparedFile),
    markPrepared: () => {
      if (settings.databaseUrl === undefined) writeFileSync(preparedFile, '');
    },
  };
}

/** A store that died comes back on the port that it had: origin and worker know it by that. */
async function keepStore(
  plan: StoresPlan,
  name: string,
  start: (signal: AbortSignal) => Promise<StoreServer>,
): Promise<void> {
  const store = await supervise({
    name,
    signal: plan.hooks.signal,
    start,
    onEvent: plan.hooks.onEvent,
    onGiveUp: plan.hooks.onGiveUp,
  });
  plan.standing.defer(() => store.stop());
}
