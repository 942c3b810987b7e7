// Finds free ports on the loopback address, and chooses those of origin and worker.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describeListenFault } from '../../http/system-faults.ts';
import type { LocalSettings } from './config.ts';
import type { RunningPart, StoreServer } from './part.ts';

/**
 * Below 32768, from where Linux takes the local ports of outgoing connections: between our finding a port and its
 * program's listening, and while a program that was killed is started again, no connection may take it.
 */
const lowest = 15_000;
const highest = 32_000;
const given = new Set<number>();

/**
 * @returns a port that nothing listened on a moment ago, another one each time.
 */
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

/** @returns why it cannot be listened on; undefined where it can. */
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
 * @param name of the setting that asks for this port; 0 asks for a free one.
 * @throws a sentence that says what to do where it is taken.
 */
export async function takePort(name: string, port: number, host: string): Promise<number> {
  if (port === 0) return findFreePort();
  const error = await tryPort(port, host);
  if (error === undefined) return port;
  throw new Error(describeListenFault(error, { setting: name, host, port }) ?? error.message, {
    cause: error,
  });
}

/** Chooses the ports of origin and worker, or says which setting to change where one is taken. */
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

/** Listening everywhere is asked on the loopback address. */
const loopbackOf: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * The address for URLs that reaches a server listening on a given HOST of this machine.
 * @returns such as `127.0.0.1`, `[::1]` or `shop.test`.
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

/** Starts a server on `port`; without one on a free port, and on another where somebody else took it first. */
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
