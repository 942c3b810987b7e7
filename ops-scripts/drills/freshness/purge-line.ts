// Stands between the workers and the edge and can lose, hold, double, disorder and repeat what they say. It cannot forge: words are signed.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../seeded-random.ts';

export type LineMode = 'pass' | 'lose words' | 'lose answers' | 'double' | 'disorder' | 'repeat old words';

export interface PurgeLine extends AsyncDisposable {
  url: string;
  mode: LineMode;
}

interface Word {
  path: string;
  signature: string;
  body: string;
}

const forwardMs = 3_000;
const longestHoldMs = 1_600;
const remembered = 200;

export async function openPurgeLine(edgeUrl: string, random: SeededRandom): Promise<PurgeLine> {
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
  const carry = async (word: Word, mode: LineMode): Promise<number | undefined> => {
    switch (mode) {
      case 'pass':
        return say(word);
      case 'lose words':
        return undefined;
      case 'lose answers':
        await say(word);
        return undefined;
      case 'double':
        return (await Promise.all([say(word), say(word)]))[0];
      case 'disorder':
        // Some longer than the worker waits: it has given up, and the word arrives all the same.
        await delay(random.integer(0, longestHoldMs));
        return say(word);
      case 'repeat old words': {
        const answer = await say(word);
        await Promise.all([0, 1, 2].map(() => say(random.pick(spoken))));
        return answer;
      }
    }
  };

  const server = createServer(async (request, response) => {
    const word = await readWord(request);
    spoken.push(word);
    if (spoken.length > remembered) spoken.shift();
    const status = await carry(word, line.mode).catch(() => undefined);
    if (status === undefined) request.socket.destroy();
    else response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const line: PurgeLine = {
    url: `http://127.0.0.1:${portOf(server)}`,
    mode: 'pass',
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
  return line;
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
