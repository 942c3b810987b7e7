// What `npm run region` reads from the environment: as `npm start`, and the edge's port.
import { type LocalSettings, readLocalSettings } from '../local/config.ts';

export interface RegionSettings extends LocalSettings {
  /** undefined or 0: a free one. */
  edgePort: number;
  /** Chosen by the user, not by us. */
  portIsSet: boolean;
  /** Where each Postgres server has a folder of its own, such as a mounted disk; undefined: in the region's folder. */
  postgresDisks: string | undefined;
  /** Print one line for programs, nothing else. */
  json: boolean;
}

/** @throws SettingsError with every fault at once. */
export function readRegionSettings(
  args: string[],
  env: Record<string, string | undefined> = process.env,
): RegionSettings {
  const settings = readLocalSettings({ ...env, ...ownStores });
  return {
    ...settings,
    edgePort: Number(env['EDGE_PORT'] ?? 0) || 0,
    portIsSet: (env['PORT'] ?? '') !== '',
    postgresDisks: env['POSTGRES_DISKS'] || undefined,
    json: args.includes('--json'),
  };
}

/** A region has stores of its own, whatever is set for other commands. */
const ownStores = {
  DATABASE_URL: undefined,
  DATABASE_REPLICA_URLS: undefined,
  REDIS_URL: undefined,
  REDIS_REPLICAS: undefined,
};
