// A proxy between workers and edge that loses, delays, doubles, reorders and repeats purges, and the route through it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import type { DrillRegion } from '../region.ts';

export type ProxyMode = 'pass' | 'lose purges' | 'lose answers' | 'double' | 'disorder' | 'repeat old purges';

export interface PurgeProxy extends AsyncDisposable {
  url: string;
  mode: ProxyMode;
}

interface SignedPurge {
  path: string;
  signature: string;
  body: string;
}

const forwardMs = 3_000;
const longestHoldMs = 1_600;
const remembered = 200;

async function openPurgeProxy(edgeUrl: string, random: SeededRandom): Promise<PurgeProxy> {
  const forwarded: SignedPurge[] = [];
  const forward = async ({ path, signature, body }: SignedPurge): Promise<number> => {
    const answer = await fetch(edgeUrl + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'purge-signature': signature },
      body,
      signal: AbortSignal.timeout(forwardMs),
    });
    await answer.body?.cancel();
    return answer.status;
  };

  /** @returns the edge's answer; undefined where the worker gets none */
  const carry = async (purge: SignedPurge, mode: ProxyMode): Promise<number | undefined> => {
    switch (mode) {
      case 'pass':
        return forward(purge);
      case 'lose purges':
        return undefined;
      case 'lose answers':
        await forward(purge);
        return undefined;
      case 'double':
        return (await Promise.all([forward(purge), forward(purge)]))[0];
      case 'disorder':
        // Some purges are held longer than the worker waits. They arrive after the worker has given up.
        await delay(random.integer(0, longestHoldMs));
        return forward(purge);
      case 'repeat old purges': {
        const answer = await forward(purge);
        await Promise.all([0, 1, 2].map(() => forward(random.pick(forwarded))));
        return answer;
      }
    }
  };

  const server = createServer(async (request, response) => {
    const purge = await readPurge(request);
    forwarded.push(purge);
    if (forwarded.length > remembered) forwarded.shift();
    const status = await carry(purge, proxy.mode).catch(() => undefined);
    if (status === undefined) request.socket.destroy();
    else response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: PurgeProxy = {
    url: `http://127.0.0.1:${portOf(server)}`,
    mode: 'pass',
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
  return proxy;
}

async function readPurge(request: IncomingMessage): Promise<SignedPurge> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return { path: request.url ?? '/', signature: String(request.headers['purge-signature']), body };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Routes a region's purges through the drill's proxy, by telling workers its address as the edge's. The direct route is
 * restored at the end.
 */
export async function routePurges(region: DrillRegion, random: SeededRandom): Promise<PurgeProxy> {
  const edge = region.ofKind('edge');
  const proxy = await openPurgeProxy(edge.url, random);
  const lead = async (url: string) => {
    const workers = region.parts.filter(({ kind }) => kind === 'worker');
    for (const worker of workers) await region.replace(worker, { env: { EDGE_URLS: url } });
  };
  await lead(proxy.url);
  return {
    ...proxy,
    get mode() {
      return proxy.mode;
    },
    set mode(mode) {
      proxy.mode = mode;
    },
    async [Symbol.asyncDispose]() {
      await lead(edge.url);
      await proxy[Symbol.asyncDispose]();
    },
  };
}
