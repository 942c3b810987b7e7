// The origins, workers and edge of a region: their zones and settings.
import { join } from 'node:path';
import { findFreePort } from '../local/ports.ts';
import type { FleetMember } from './fleet.ts';

export interface FleetPlan {
  regionFolder: string;
  host: string;
  storefrontUrl: string;
  edgePort: number;
  workerPort: number;
  edgePurgeKey: string;
  /** What origins and workers share: stores, keys, settings of the user. */
  env: Record<string, string | undefined>;
}

export async function placeFleet(plan: FleetPlan): Promise<FleetMember[]> {
  const edgeUrl = `http://127.0.0.1:${plan.edgePort}`;
  const shared = { ...plan.env, EDGE_URLS: edgeUrl, EDGE_PURGE_KEY: plan.edgePurgeKey, HOST: plan.host };
  const origins = ['a', 'b', 'c'].map(async (zone) => {
    const port = await findFreePort();
    return {
      ...place(plan, 'origin', `origin-${zone}1`, zone, port),
      env: { ...shared, ZONE: zone, INSTANCE: `origin-${zone}1`, PORT: String(port) },
    };
  });
  const workers = ['a', 'b'].map(async (zone) => {
    const port = zone === 'a' ? plan.workerPort : await findFreePort();
    return {
      ...place(plan, 'worker', `worker-${zone}1`, zone, port),
      env: { ...shared, ZONE: zone, INSTANCE: `worker-${zone}1`, WORKER_PORT: String(port) },
    };
  });
  const edge = {
    ...place(plan, 'edge', 'edge-1', 'edge', plan.edgePort),
    readyPath: '/.edge/livez',
    livePath: '/.edge/livez',
    env: {
      ...plan.env,
      HOST: plan.host,
      EDGE_PORT: String(plan.edgePort),
      EDGE_PURGE_KEY: plan.edgePurgeKey,
      ORIGIN_URL: plan.storefrontUrl,
    },
  };
  return [...(await Promise.all([...origins, ...workers])), edge];
}

function place(
  plan: FleetPlan,
  kind: FleetMember['kind'],
  name: string,
  zone: string,
  port: number,
): Omit<FleetMember, 'env'> {
  return {
    name,
    kind,
    zone,
    url: `http://127.0.0.1:${port}`,
    entry: `${kind}/main.ts`,
    readyPath: '/readyz',
    livePath: '/livez',
    logFile: join(plan.regionFolder, 'logs', `${name}.log`),
  };
}
