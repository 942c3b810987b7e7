// Chooses the ports of origin and worker, or says which setting to change where one is taken.
import type { LocalSettings } from './config.ts';
import { findFreePort, isPortFree, takePort } from './ports.ts';

export interface ShopPorts {
  origin: number;
  worker: number;
}

const usualWorkerPort = 3001;

/** @throws where a port that was asked for is taken. */
export async function choosePorts(settings: LocalSettings): Promise<ShopPorts> {
  const origin = await takePort('PORT', settings.port, settings.host);
  if (settings.workerPort !== undefined) {
    return { origin, worker: await takePort('WORKER_PORT', settings.workerPort, settings.host) };
  }
  const usual = origin !== usualWorkerPort && (await isPortFree(usualWorkerPort, settings.host));
  return { origin, worker: usual ? usualWorkerPort : await findFreePort() };
}
