// Reads the settings of `npm run region`, and chooses the ports that people and other programs use.
import { isPort, portFault, SettingsError } from '../../origin/config.ts';
import { type LocalSettings, readLocalSettings } from '../local/config.ts';
import { findFreePort, isPortFree, takePort } from '../local/ports.ts';

/** The settings of `npm run region`: those of `npm start`, the edge's port and the Postgres folders. */
export interface RegionSettings extends LocalSettings {
  /** Undefined or 0: a free port. */
  edgePort: number;
  /** Whether the user chose the port. */
  portIsSet: boolean;
  /** A folder with one for each Postgres server, such as a mounted disk; undefined: the region's folder. */
  postgresDisks: string | undefined;
  /** Whether to print only one line for programs. */
  json: boolean;
}

/** @throws SettingsError with every fault at once */
export function readRegionSettings(
  { json }: { json: boolean },
  env: Record<string, string | undefined> = process.env,
): RegionSettings {
  const edgePort = env['EDGE_PORT'] || '0';
  const faults = isPort(edgePort) ? [] : [`EDGE_PORT: ${portFault.error}`];
  const settings = withFaults(faults, () => readLocalSettings({ ...env, ...ownStores }));
  return {
    ...settings,
    edgePort: Number(edgePort),
    portIsSet: (env['PORT'] ?? '') !== '',
    postgresDisks: env['POSTGRES_DISKS'] || undefined,
    json,
  };
}

/** A region has its own stores, whatever is set for other commands. */
const ownStores = {
  DATABASE_URL: undefined,
  DATABASE_REPLICA_URLS: undefined,
  REDIS_URL: undefined,
};

/** @throws SettingsError with the faults that `read` finds and these */
function withFaults<Read>(faults: string[], read: () => Read): Read {
  let found: string[] = [];
  try {
    const settings = read();
    if (faults.length === 0) return settings;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    found = error.faults;
  }
  throw new SettingsError([...found, ...faults]);
}

/** The region's ports that people and other programs use. All others are free ports. */
export interface RegionPorts {
  storefront: number;
  edge: number;
  worker: number;
}

/** @throws if a requested port is taken */
export async function chooseRegionPorts(settings: RegionSettings): Promise<RegionPorts> {
  const { port, portIsSet, host } = settings;
  const usual = portIsSet || (await isPortFree(port, host));
  return {
    storefront: usual ? await takePort('PORT', port, host) : await findFreePort(),
    edge: await takePort('EDGE_PORT', settings.edgePort, host),
    worker: await takePort('WORKER_PORT', settings.workerPort ?? 0, host),
  };
}
