// Which ports origin and worker get: those asked for, or a sentence that says who must change what.
import type { LocalSettings } from './config.ts';
import { findFreePort, isPortFree } from './ports.ts';

export interface ShopPorts {
  origin: number;
  worker: number;
}

const usualWorkerPort = 3001;

/** @throws where a port that was asked for is taken. */
export async function choosePorts(settings: LocalSettings): Promise<ShopPorts> {
  const origin = await choose('PORT', settings.port, settings.host);
  if (settings.workerPort !== undefined) {
    return { origin, worker: await choose('WORKER_PORT', settings.workerPort, settings.host) };
  }
  const usual = origin !== usualWorkerPort && (await isPortFree(usualWorkerPort, settings.host));
  return { origin, worker: usual ? usualWorkerPort : await findFreePort() };
}

async function choose(name: string, port: number, host: string): Promise<number> {
  if (port === 0) return findFreePort();
  if (await isPortFree(port, host)) return port;
  throw new Error(
    `Port ${port} is in use: stop the program that listens there, or set ${name} to another port (0 takes a free one)`,
  );
}
