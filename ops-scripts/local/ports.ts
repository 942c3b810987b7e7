// Ports on the loopback address: which one is free, and whether a given one is taken.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** @returns a port that nothing listened on a moment ago; whoever takes it must be ready to find it taken. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port');
  return address.port;
}

export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, host, () => resolve(true));
  });
  if (!free) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/**
 * @param name of the setting that asks for this port; 0 asks for a free one.
 * @throws a sentence that says what to do where it is taken.
 */
export async function takePort(name: string, port: number, host: string): Promise<number> {
  if (port === 0) return findFreePort();
  if (await isPortFree(port, host)) return port;
  throw new Error(
    `Port ${port} is in use: stop the program that listens there, or set ${name} to another port (0 takes a free one)`,
  );
}
