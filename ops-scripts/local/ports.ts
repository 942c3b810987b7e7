// Finds free ports on the loopback address, and chooses those of origin and worker.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describeListenFault } from '../../http/system-faults.ts';
import type { LocalSettings } from './config.ts';
import type { RunningPart, StoreServer } from './part.ts';

/**
 * The range is below 32768, because Linux takes local ports of outgoing connections from there on. No connection may
 * take a port before its program listens, or while a killed program restarts.
 */
const lowest = 15_000;
const highest = 32_000;
const given = new Set<number>();

/** @returns a port on which nothing listened a moment ago, another one each time */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const port = randomInt(lowest, highest);
    if (given.has(port) || !(await isPortFree(port, '127.0.0.1'))) continue;
    given.add(port);
    return port;
  }
  throw new Error('Cannot find a free port');
}

export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return (await tryPort(port, host)) === undefined;
}

/** @returns why nothing can listen on it, or undefined */
async function tryPort(port: number, host: string): Promise<Error | undefined> {
  const server = createServer();
  const error = await new Promise<Error | undefined>((resolve) => {
    server.once('error', resolve);
    server.listen(port, host, () => resolve(undefined));
  });
  if (error !== undefined) return error;
  server.close();
  await once(server, 'close');
  return undefined;
}

/**
 * @param name of the setting for this port; port 0 asks for a free one
 * @throws a sentence that says what to do if the port is taken
 */
export async function takePort(name: string, port: number, host: string): Promise<number> {
  if (port === 0) return findFreePort();
  const error = await tryPort(port, host);
  if (error === undefined) return port;
  throw new Error(describeListenFault(error, { setting: name, host, port }) ?? error.message, {
    cause: error,
  });
}

/** The ports of origin and worker. */
export interface ShopPorts {
  origin: number;
  worker: number;
}

const usualWorkerPort = 3001;

/** @throws if a requested port is taken */
export async function choosePorts(settings: LocalSettings): Promise<ShopPorts> {
  const origin = await takePort('PORT', settings.port, settings.host);
  if (settings.workerPort !== undefined) {
    return { origin, worker: await takePort('WORKER_PORT', settings.workerPort, settings.host) };
  }
  const usual = origin !== usualWorkerPort && (await isPortFree(usualWorkerPort, settings.host));
  return { origin, worker: usual ? usualWorkerPort : await findFreePort() };
}

/** A server that listens on every address is reached on the loopback address. */
const loopbackOf: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * The address in URLs for a server that listens on a given HOST of this machine.
 * @returns such as `127.0.0.1`, `[::1]` or `shop.test`
 */
export function ownAddress(host: string): string {
  const address = loopbackOf[host] ?? host;
  return address.includes(':') ? `[${address}]` : address;
}

interface ServerStart {
  spawn(port: number): Promise<RunningPart>;
  urlAt(port: number): string;
  /** Resolves when the server answers at `url`. */
  waitForAnswer(part: RunningPart, url: string): Promise<void>;
}

const triesAtFreePorts = 3;

/** Starts a server on `port`. Without it, on a free port, and on another one if a program takes that first. */
export async function startOnPort(port: number | undefined, server: ServerStart): Promise<StoreServer> {
  for (let attempt = 1; ; attempt++) {
    const taken = port || (await findFreePort());
    const part = await server.spawn(taken);
    const url = server.urlAt(taken);
    try {
      await server.waitForAnswer(part, url);
      return { ...part, url };
    } catch (error) {
      const died = part.hasExited();
      await part.stop();
      if (port || !died || attempt === triesAtFreePorts) throw error;
    }
  }
}
