// The edge's socket under Node and Deno: a fresh hit is written at once, all else goes through the app.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { statusLine } from './answer.ts';
import type { Edge, EdgeBindings } from './app.ts';
import { passUpgrade } from './pass-upgrade.ts';
import { ageOfS, type StoredResponse } from './stored-response.ts';

export interface ServeOptions {
  edge: Edge;
  originUrl: string;
  servedBy: string;
  clientAddress: (peer: string, forwardedFor: string | undefined) => string;
}

/** Fields that ask for more than a plain hit. */
const thoughtful = ['range', 'if-none-match', 'if-modified-since', 'cache-control', 'upgrade'];

export function createEdgeServer({ edge, originUrl, servedBy, clientAddress }: ServeOptions): Server {
  const through = getRequestListener((request, { incoming, outgoing }) => {
    const message = incoming as IncomingMessage;
    const bindings: EdgeBindings = {
      clientAddress: clientAddress(
        message.socket.remoteAddress ?? '',
        message.headers['x-forwarded-for'] as string | undefined,
      ),
      onInterim: (status, headers) => writeInterim(outgoing as ServerResponse, status, headers),
    };
    return edge.app.fetch(request, bindings);
  });
  const server = createServer(
    { keepAliveTimeout: 75_000, headersTimeout: 30_000, requestTimeout: 60_000, maxHeaderSize: 32_768 },
    (request, response) => {
      if (isAmbiguous(request)) return void response.writeHead(400, { connection: 'close' }).end();
      if (!writeHit(edge, request, response, servedBy)) void through(request, response);
    },
  );
  server.on('upgrade', (request, socket, head) =>
    passUpgrade(originUrl, request, socket, head, clientAddress),
  );
  return server;
}

function writeHit(edge: Edge, request: IncomingMessage, response: ServerResponse, servedBy: string): boolean {
  const { headers } = request;
  if (request.method !== 'GET' || thoughtful.some((name) => name in headers)) return false;
  const stored = edge.cache.findHit(headers.host ?? '', request.url ?? '/', {
    get: (name) => (headers[name] as string | undefined) ?? null,
  });
  if (stored === undefined) return false;
  edge.counts.answers.hit++;
  response.writeHead(200, hitHeaders(stored, servedBy));
  response.end(stored.body);
  return true;
}

/** Made once for each second of its age. */
const madeHeaders = new WeakMap<
  StoredResponse,
  { ageS: number; record: Record<string, string | string[]> }
>();

function hitHeaders(stored: StoredResponse, servedBy: string): Record<string, string | string[]> {
  const nowMs = Date.now();
  const ageS = Math.floor(ageOfS(stored, nowMs));
  const made = madeHeaders.get(stored);
  if (made?.ageS === ageS) return made.record;
  const record = {
    ...stored.record,
    'content-length': String(stored.body.length),
    age: String(ageS),
    'cache-status': statusLine(stored, { nowMs, servedBy, status: 'hit' }),
    'served-by': servedBy,
  };
  madeHeaders.set(stored, { ageS, record });
  return record;
}

/** What two servers could read in two ways is not passed on. */
function isAmbiguous({ headers, headersDistinct, url = '' }: IncomingMessage): boolean {
  const lengths = headersDistinct['content-length'];
  const coding = headers['transfer-encoding'];
  return (
    (headersDistinct.host?.length ?? 0) !== 1 ||
    (lengths?.length ?? 0) > 1 ||
    (coding !== undefined && (lengths !== undefined || coding.toLowerCase() !== 'chunked')) ||
    (!url.startsWith('/') && url !== '*')
  );
}

function writeInterim(
  outgoing: ServerResponse,
  status: number,
  headers: Record<string, string | string[]>,
): void {
  if (outgoing.headersSent) return;
  if (status === 102) outgoing.writeProcessing();
  if (status === 103 && headers.link !== undefined)
    outgoing.writeEarlyHints(headers as Record<string, string>);
}
