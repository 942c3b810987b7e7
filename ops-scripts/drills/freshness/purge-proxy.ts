// A proxy between workers and edge that loses, delays, doubles, reorders and repeats purges.
// It cannot forge them, as purges are signed.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../seeded-random.ts';

export type ProxyMode = 'pass' | 'lose purges' | 'lose answers' | 'double' | 'disorder' | 'repeat old purges';

export interface PurgeProxy extends AsyncDisposable {
  url: string;
  mode: ProxyMode;
}

interface Word {
  path: string;
  signature: string;
  body: string;
}

const forwardMs = 3_000;
const longestHoldMs = 1_600;
const remembered = 200;

export async function openPurgeProxy(edgeUrl: string, random: SeededRandom): Promise<PurgeProxy> {
  const spoken: Word[] = [];
  const say = async ({ path, signature, body }: Word): Promise<number> => {
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
  const carry = async (purge: Word, mode: ProxyMode): Promise<number | undefined> => {
    switch (mode) {
      case 'pass':
        return say(purge);
      case 'lose purges':
        return undefined;
      case 'lose answers':
        await say(purge);
        return undefined;
      case 'double':
        return (await Promise.all([say(purge), say(purge)]))[0];
      case 'disorder':
        // Some longer than the worker waits: it has given up, and the purge arrives all the same.
        await delay(random.integer(0, longestHoldMs));
        return say(purge);
      case 'repeat old purges': {
        const answer = await say(purge);
        await Promise.all([0, 1, 2].map(() => say(random.pick(spoken))));
        return answer;
      }
    }
  };

  const server = createServer(async (request, response) => {
    const purge = await readWord(request);
    spoken.push(purge);
    if (spoken.length > remembered) spoken.shift();
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

async function readWord(request: IncomingMessage): Promise<Word> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return { path: request.url ?? '/', signature: String(request.headers['purge-signature']), body };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
