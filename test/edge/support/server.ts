// An edge on a socket of its own in the test's process, and raw bytes sent to it.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createEdgeServer } from '../../../edge/reply/serve-node.ts';
import { createClientAddress } from '../../../http/client-address.ts';
import { startEdge, type TestEdge } from './edge.ts';

export interface ServedEdge extends TestEdge, AsyncDisposable {
  url: string;
}

export async function serveEdge(originUrl: string): Promise<ServedEdge> {
  const shop = startEdge(originUrl);
  const server = createEdgeServer({
    edge: shop.edge,
    originUrl,
    servedBy: 'test/edge',
    clientAddress: createClientAddress([]),
  });
  const url = await listen(server);
  return {
    ...shop,
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @returns the address, on a free port. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** @returns all that comes back until the edge closes the connection, or `enough` is said of it. */
export function sendRaw(
  url: string,
  text: string,
  enough: (answer: string) => boolean = () => false,
): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text, 'latin1'));
    socket.setEncoding('latin1').on('error', reject);
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (enough(answer)) socket.destroy();
    });
    socket.on('close', () => resolve(answer));
  });
}
