// Runs a whole region on one machine: real processes in three zones, supervised as in a cloud.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type KeptSecrets, keepSecrets, openDataFolder } from '../local/data-folder.ts';
import { prepareDatabase } from '../local/prepare-database.ts';
import { type ProcessRecord, recordParts } from '../local/processes.ts';
import { type RunningBalancer, startBalancer } from './balancer.ts';
import { chooseRegionPorts, type RegionPorts, type RegionSettings } from './config.ts';
import { type Fleet, type FleetMember, placeFleet, startFleet } from './fleet.ts';
import { listParts, type RegionPart } from './region-part.ts';
import {
  keepStores,
  placeStores,
  type RegionStores,
  type StorePlaces,
  startPrimaries,
} from './region-stores.ts';

export interface RegionHooks {
  /** Aborts a start that is in progress. */
  signal: AbortSignal;
  onEvent: (sentence: string) => void;
}

export interface Region {
  storefrontUrl: string;
  edgeUrl: string;
  staff: { email: string; password: string };
  operatorPassword: string;
  /** The addresses of the stores that origins and workers use. */
  endpoints: { databaseUrl: string; redisUrl: string; replicaUrl: string };
  /** The parts as they are now. */
  parts(): RegionPart[];
  /** The metrics addresses of running parts, for Prometheus's discovery over HTTP. */
  targets(): MetricsTarget[];
  stores: RegionStores;
  fleet: Fleet;
  stop(): Promise<void>;
}

interface MetricsTarget {
  targets: [address: string];
  labels: { job: string; instance: string };
}

/**
 * Returns when every part answers and every replica streams. @throws one sentence that says what to do, with nothing
 * left running
 */
export async function startRegion(settings: RegionSettings, hooks: RegionHooks): Promise<Region> {
  await using standing = new AsyncDisposableStack();
  const { signal, onEvent } = hooks;
  const folder = standing.adopt(await openDataFolder(join(settings.dataDir, 'region')), (open) =>
    open.release(),
  );
  const run = await planRegion(settings, folder.path);
  const { places, members, ports } = run;
  standing.defer(() => removeAllButLogs(run.regionFolder));
  const processes = standing.adopt(openProcessRecord(folder.path, run), (open) => open.close());

  await startPrimaries(places, signal);
  standing.defer(() => places.postgres.primary.server?.stop());
  standing.defer(() => places.redis.primary.server?.stop());
  for (const { server } of [places.postgres.primary, places.redis.primary]) if (server) processes.add(server);
  const balancer = standing.adopt(await openBalancer(settings, run, processes, hooks), (open) => open.stop());
  await prepareDatabase(places, signal);
  const stores = standing.adopt(
    keepStores({ places, balancer, onEvent, onStarted: ({ server }) => server && processes.add(server) }),
    (open) => open.stop(),
  );
  const fleet = standing.adopt(
    await startFleet({ members, balancer, signal, onEvent, onStarted: processes.add }),
    (open) => open.stopAll(),
  );
  await stores.whole();

  const stack = standing.move();
  return {
    storefrontUrl: run.storefrontUrl,
    edgeUrl: `http://localhost:${ports.edge}`,
    staff: run.staff,
    operatorPassword: run.operatorPassword,
    endpoints: {
      databaseUrl: places.databaseUrl,
      redisUrl: places.redisUrl,
      replicaUrl: places.postgres.replica.url,
    },
    parts: () =>
      listParts({ balancer: { process: balancer.part(), url: run.storefrontUrl }, members, fleet, stores }),
    targets: () =>
      members
        .filter(({ name }) => fleet.processOf(name) !== undefined)
        .map(({ name, kind, metricsUrl }) => ({
          targets: [new URL(metricsUrl).host],
          labels: { job: kind, instance: name },
        })),
    stores,
    fleet,
    stop: async () => {
      processes.note({ stopping: true });
      // All are stopped at once. Later disposals find their parts stopped.
      await Promise.allSettled([fleet.stopAll(), stores.stop(), balancer.stop()]);
      await stack.disposeAsync();
    },
  };
}

interface RegionRun {
  /** Data and logs of the parts; empty at the beginning. */
  regionFolder: string;
  toolsFolder: string;
  ports: RegionPorts;
  storefrontUrl: string;
  places: StorePlaces;
  members: FleetMember[];
  staff: { email: string; password: string };
  operatorPassword: string;
}

async function planRegion(settings: RegionSettings, folder: string): Promise<RegionRun> {
  const regionFolder = join(folder, 'parts');
  rmSync(regionFolder, { recursive: true, force: true });
  mkdirSync(regionFolder, { mode: 0o700 });
  const toolsFolder = join(folder, '..', 'tools');
  const ports = await chooseRegionPorts(settings);
  const secrets = keepSecrets(folder);
  const storefrontUrl = `http://localhost:${ports.storefront}`;
  const staff = { email: settings.staffEmail, password: settings.staffPassword ?? secrets.staffPassword };
  const operatorPassword = settings.operatorPassword ?? secrets.operatorPassword;
  const places = await placeStores({
    regionFolder,
    toolsFolder,
    postgresDisks: settings.postgresDisks,
    passwords: { postgres: secrets.postgresPassword, redis: secrets.redisPassword },
  });
  const members = await placeFleet({
    regionFolder,
    host: settings.host,
    storefrontUrl,
    edgePort: ports.edge,
    workerPort: ports.worker,
    edgePurgeKey: settings.environment['EDGE_PURGE_KEY'] ?? secrets.edgePurgeKey,
    env: {
      ...sharedEnvironment(settings, secrets, places),
      DATA_DIR: regionFolder,
      SITE_URL: settings.environment['SITE_URL'] ?? storefrontUrl,
      STAFF_EMAIL: staff.email,
      STAFF_PASSWORD: staff.password,
      OPERATOR_PASSWORD: operatorPassword,
    },
  });
  return { regionFolder, toolsFolder, ports, storefrontUrl, places, members, staff, operatorPassword };
}

/** The environment of every origin and worker, unless the user set it differently. */
function sharedEnvironment(
  settings: RegionSettings,
  secrets: KeptSecrets,
  places: StorePlaces,
): Record<string, string | undefined> {
  return {
    RATE_LIMITS: 'off',
    REDIS_REPLICAS: '1',
    // The balancer and the edge.
    TRUSTED_PROXIES: '127.0.0.1,::1',
    LOG_LEVEL: 'warn',
    ...settings.environment,
    DATABASE_URL: places.databaseUrl,
    DATABASE_REPLICA_URLS: places.postgres.replica.url,
    REDIS_URL: places.redisUrl,
    COOKIE_KEYS: settings.cookieKeys ?? secrets.cookieKey,
    // Several processes cannot share one port, so origins and edge get one each.
    METRICS_PORT: undefined,
  };
}

function openProcessRecord(folder: string, run: RegionRun): ProcessRecord {
  return recordParts(folder, {
    pid: process.pid,
    storefrontUrl: run.storefrontUrl,
    workerUrl: `http://localhost:${run.ports.worker}`,
    databaseUrl: run.places.databaseUrl,
    redisUrl: run.places.redisUrl,
    parts: [],
  });
}

function openBalancer(
  settings: RegionSettings,
  run: RegionRun,
  processes: ProcessRecord,
  hooks: RegionHooks,
): Promise<RunningBalancer> {
  return startBalancer({
    ...hooks,
    plan: {
      host: settings.host,
      storefrontPort: run.ports.storefront,
      origins: run.members
        .filter(({ kind }) => kind === 'origin')
        .map(({ name, url }) => ({ name, port: Number(new URL(url).port) })),
      sticky: settings.cartState === 'sticky',
      stores: run.places.endpoints,
    },
    folder: join(run.regionFolder, 'balancer'),
    logFile: join(run.regionFolder, 'logs', 'balancer.log'),
    toolsFolder: run.toolsFolder,
    onStarted: processes.add,
  });
}

/** A region's data ends with it. Its logs stay until the next region begins. */
function removeAllButLogs(regionFolder: string): void {
  for (const name of readdirSync(regionFolder)) {
    if (name !== 'logs') rmSync(join(regionFolder, name), { recursive: true, force: true });
  }
}
