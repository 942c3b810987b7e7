// The region's ports that people and other programs use; all others are free ones.
import { findFreePort, isPortFree, takePort } from '../local/ports.ts';
import type { RegionSettings } from './config.ts';

export interface RegionPorts {
  storefront: number;
  edge: number;
  worker: number;
}

/** @throws where a port that was asked for is taken. */
export async function chooseRegionPorts(settings: RegionSettings): Promise<RegionPorts> {
  const { port, portIsSet, host } = settings;
  const usual = portIsSet || (await isPortFree(port, host));
  return {
    storefront: usual ? await takePort('PORT', port, host) : await findFreePort(),
    edge: await takePort('EDGE_PORT', settings.edgePort, host),
    worker: await takePort('WORKER_PORT', settings.workerPort ?? 0, host),
  };
}
