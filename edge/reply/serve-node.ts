// The edge's HTTP servers under Node and Deno: shoppers' requests, and metrics on a port of their own.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { BodyReader, usualBodyBounds } from '../../http/body-reader.ts';
import { isAmbiguous, RawFields } from '../../http/fields.ts';
import { canStillAnswer, statusOfUnreadable } from '../../http/problem-document.ts';
import { endUnreadAnswers, type usualReadingBounds } from '../../http/unread-answers.ts';
import type { Edge, EdgeBindings } from '../app.ts';
import { type MeasuredEdge, metricsContentType, writeMetrics } from '../metrics.ts';
import type { Answer } from '../stored/answer.ts';
import { passUpgrades } from '../upstream/pass-upgrade.ts';
import { errorAnswer, writeOnSocket } from './replies.ts';

/**
 * The edge's HTTP server under Node and Deno: writes stored answers from memory at once, passes all else to
 * the app.
 */
interface ServeOptions {
  edge: Edge;
  originUrl: string;
  servedBy: string;
  clientAddress: (peer: string, forwardedFor: string | undefined) => string;
  bodyBounds?: typeof usualBodyBounds;
  readingBounds?: typeof usualReadingBounds;
}

const limits = {
  keepAliveTimeout: 75_000,
  headersTimeout: 30_000,
  requestTimeout: 60_000,
  maxHeaderSize: 32_768,
  // Refused here instead, so that what follows on the connection is not read either.
  requireHostHeader: false,
};
const maxConnections = 10_000;
const noBytes = new Uint8Array();

export function createEdgeServer(options: ServeOptions): Server {
  const { edge, originUrl, servedBy, clientAddress, bodyBounds = usualBodyBounds } = options;
  const addressOf = (message: IncomingMessage) =>
    clientAddress(
      message.socket.remoteAddress ?? '',
      new RawFields(message).get('x-forwarded-for') ?? undefined,
    );
  const through = getRequestListener((request, { incoming, outgoing }) => {
    const bindings: EdgeBindings = {
      clientAddress: addressOf(incoming as IncomingMessage),
      onInterim: (status, headers) => writeInterim(outgoing as ServerResponse, status, headers),
    };
    return edge.app.fetch(request, bindings);
  });
  // A connection to the origin is taken for whole bodies only, so that slow clients hold none.
  const bodies = new BodyReader(bodyBounds);
  /** After a refusal nobody knows where the next request begins: what follows on that socket is not read. */
  const refusedSockets = new WeakSet<Duplex>();
  const underWay = new WeakMap<Duplex, ServerResponse>();
  const server = createServer(
    { ...limits, shouldUpgradeCallback: isWebSocket },
    (request: IncomingMessage, response: ServerResponse) => {
      const { socket, method = '', url = '' } = request;
      if (refusedSockets.has(socket)) return;
      const fields = new RawFields(request);
      const refused = refusal(method, url, fields, servedBy);
      if (refused !== undefined) {
        refusedSockets.add(socket);
        return write(response, refused);
      }
      const answer = edge.cache.answerAtOnce(method, fields.get('host') ?? '', url, fields);
      if (answer !== undefined) {
        edge.counts.answers.hit++;
        return write(response, answer);
      }
      bodies.read(
        request,
        () => addressOf(request),
        (outcome) => {
          if (outcome === 'ready') return pass(request, response);
          refusedSockets.add(socket);
          response.once('finish', () => socket.destroy());
          write(response, closing(errorAnswer(408, fields, servedBy, 'edge')));
        },
      );
    },
  );
  const pass = (request: IncomingMessage, response: ServerResponse) => {
    underWay.set(request.socket, response);
    // Node's own writes the fields as UTF-8, byte by byte; with a body's piece they go as they came.
    response.flushHeaders = () => void response.write(noBytes);
    void through(request, response);
  };
  server.maxConnections = maxConnections;
  endUnreadAnswers(server, options.readingBounds);
  server.on('clientError', (error, socket) => {
    if (refusedSockets.has(socket)) return;
    const answer = underWay.get(socket);
    // A second answer would cut into one that is on its way.
    if (answer?.headersSent && !answer.writableFinished) socket.destroy();
    else if (canStillAnswer(error, socket))
      writeOnSocket(socket, errorAnswer(statusOfUnreadable(error), { get: () => null }, servedBy, 'edge'));
  });
  server.on('upgrade', passUpgrades({ originUrl, servedBy, addressOf, isWebSocket }));
  return server;
}

function refusal(method: string, target: string, fields: RawFields, servedBy: string): Answer | undefined {
  const status = isAmbiguous(target, fields) ? 400 : method === 'TRACE' ? 405 : undefined;
  if (status === undefined) return undefined;
  return closing(errorAnswer(status, fields, servedBy, 'edge'));
}

function closing(answer: Answer): Answer {
  answer.headers['connection'] = 'close';
  return answer;
}

function write(response: ServerResponse, { status, statusText, headers, body }: Answer): void {
  response.writeHead(status, statusText, headers);
  if (body === null) response.end();
  else response.end(body);
}

function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
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

/** Serves the edge's metrics on a port of their own, so that shoppers cannot reach them. */
export function createMetricsServer(measured: MeasuredEdge): Server {
  return createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics')
      return void response.writeHead(404, { 'cache-control': 'no-store' }).end();
    response.writeHead(200, { 'content-type': metricsContentType, 'cache-control': 'no-store' });
    response.end(writeMetrics(measured));
  });
}
