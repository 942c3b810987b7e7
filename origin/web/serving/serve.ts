// Listens under Node or Deno, by Node's HTTP server in both: Deno's own can cut no connection that sends too slowly.
// Stops gracefully: lets requests end, closes idle connections, and serves metrics on a port of their own.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import type { Registry } from 'prom-client';
import { BodyReader, usualBodyBounds } from '../../../http/body-reader.ts';
import type { ClientAddress } from '../../../http/client-address.ts';
import { RawFields } from '../../../http/fields.ts';
import { answerOnSocket, canStillAnswer } from '../../../http/problem-document.ts';
import { describeListenFault, StartFault } from '../../../http/system-faults.ts';
import { createServer, type TlsFiles } from '../../../http/tls-files.ts';
import { endUnreadAnswers, type usualReadingBounds } from '../../../http/unread-answers.ts';
import { createAdmissionQueue } from '../../concurrency/semaphore.ts';
import type { RuntimeBindings } from '../env.ts';
import type { RefuseUnreadable } from '../problem.ts';
import { usualLoadBounds } from './load-shedding.ts';
import type { WarmPageResponder } from './warm-page-responder.ts';

type Fetch = (request: Request, bindings?: RuntimeBindings) => Response | Promise<Response>;

interface ServeOptions {
  fetch: Fetch;
  /** Answers what it knows ahead of `fetch`. */
  warmPages?: WarmPageResponder;
  /** Answers what is no request that `fetch` could be asked; Node's own answers bear no headers. */
  refuse?: RefuseUnreadable;
  /** By it unfinished bodies are bounded; the default is the address of the connection. */
  clientAddress?: ClientAddress;
  bodyBounds?: typeof usualBodyBounds;
  readingBounds?: typeof usualReadingBounds;
  /** Undefined: plain HTTP. */
  tls?: TlsFiles | undefined;
  host: string;
  port: number;
  /** Names the port where it cannot be had. */
  setting?: string;
}

export interface Serving {
  port: number;
  /** Ends idle connections at once, busy ones with their answer; cuts what is left at the deadline. */
  stop(deadlineMs: number): Promise<void>;
}

/** Longer than the load balancer's idle timeout of 60 s: else it sends into a connection that we are just closing. */
const keepAliveMs = 75_000;

/** @throws StartFault where the port cannot be had. */
export async function serve(options: ServeOptions): Promise<Serving> {
  try {
    return await listenAndServe(options);
  } catch (error) {
    const fault = describeListenFault(error, { setting: 'PORT', ...options });
    throw fault === undefined ? error : new StartFault(fault, { cause: error });
  }
}

const serverOptions = {
  keepAliveTimeout: keepAliveMs,
  headersTimeout: 30_000,
  requestTimeout: 30_000,
  maxHeaderSize: 32 * 1024,
  // Refused by us.
  requireHostHeader: false,
};

async function listenAndServe(options: ServeOptions): Promise<Serving> {
  const { fetch, warmPages, refuse, host, port, bodyBounds = usualBodyBounds } = options;
  const { clientAddress = (socketAddress: string) => socketAddress } = options;
  const { getRequestListener } = await import('@hono/node-server');
  let draining = false;
  /** How many waited when it came, of those who came too late to wait too. */
  const waitingAhead = new WeakMap<IncomingMessage, number>();
  const route = getRequestListener(async (request, bindings) => {
    const { incoming } = bindings as HttpBindings;
    const rememberWarmPage: RuntimeBindings['rememberWarmPage'] = (key) =>
      warmPages?.remember(incoming.url!, key);
    const response = await fetch(request, {
      ...bindings,
      rememberWarmPage,
      waiting: waitingAhead.get(incoming) ?? 0,
    });
    if (draining) response.headers.set('Connection', 'close');
    return response;
  }, refuse && { errorHandler: refuse });
  const bodies = new BodyReader(bodyBounds);
  const admissionQueue = createAdmissionQueue({ mostWaiting: usualLoadBounds.browsing });
  const server = createServer(options.tls, serverOptions, (incoming, outgoing) => {
    // Whoever stands before us may have read the other one.
    if (refuse !== undefined && new RawFields(incoming).count('host') > 1)
      return void refuseOnSocket(incoming.socket, refuse(new SeveralHosts()));
    const client = () =>
      clientAddress(
        incoming.socket.remoteAddress ?? '',
        new RawFields(incoming).get('x-forwarded-for') ?? undefined,
      );
    bodies.read(incoming, client, (outcome) => {
      if (outcome === 'slow') return refuseSlowBody(incoming, refuse);
      admissionQueue.take((waiting) => {
        if (incoming.socket.destroyed) return;
        if (waiting > 0) waitingAhead.set(incoming, waiting);
        if (draining) outgoing.shouldKeepAlive = false;
        const viaRouter = () => void route(incoming, outgoing);
        if (!warmPages?.answer(incoming, outgoing, viaRouter)) viaRouter();
      });
    });
  });
  if (refuse !== undefined) refuseBrokenBytes(server, refuse);
  endUnreadAnswers(server, options.readingBounds);
  const idle = watchIdleConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, 4_096, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async stop(deadlineMs) {
      draining = true;
      // Node's own `close` takes a connection for idle whose answer is written but not yet sent: a slow client would
      // lose the end of it.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
      idle.close();
      const sweep = setInterval(idle.close, 50);
      await Promise.race([closed, delay(deadlineMs, undefined, { ref: false })]);
      clearInterval(sweep);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Named as the adapter names what it cannot make a request of. */
class SeveralHosts extends Error {
  override name = 'RequestError';
}

/** What is left of the body is not waited for. */
function refuseSlowBody({ socket }: IncomingMessage, refuse: RefuseUnreadable | undefined): void {
  if (refuse === undefined) return void socket.destroy();
  const fault = Object.assign(new Error('The body came too slowly'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  void refuseOnSocket(socket, refuse(fault));
}

function refuseBrokenBytes(server: Server, refuse: RefuseUnreadable): void {
  server.on('clientError', (error, socket) => {
    if (canStillAnswer(error, socket)) void refuseOnSocket(socket, refuse(error));
  });
}

async function refuseOnSocket(socket: Duplex, response: Response): Promise<void> {
  const { status, headers } = response;
  answerOnSocket(socket, { status, headers, body: await response.text() });
}

/**
 * Finds idle connections: all answers handed to the system, and nothing received since. Node itself counts a
 * connection as idle whose answer is written but not yet sent.
 * @returns how to close those that are idle at the moment; one that has not asked for anything yet is about to, and
 * stays
 */
function watchIdleConnections(server: Server): { close: () => void } {
  const connections = new Map<Socket, { answering: number; readByThen: number }>();
  server.prependListener('request', ({ socket }: IncomingMessage, outgoing: ServerResponse) => {
    const connection = connections.get(socket) ?? { answering: 0, readByThen: 0 };
    if (!connections.has(socket)) {
      connections.set(socket, connection);
      socket.once('close', () => connections.delete(socket));
    }
    connection.answering += 1;
    outgoing.once('close', () => {
      connection.answering -= 1;
      connection.readByThen = socket.bytesRead;
    });
  });
  return {
    close() {
      for (const [socket, { answering, readByThen }] of connections)
        if (answering === 0 && socket.bytesRead === readByThen) socket.destroy();
    },
  };
}

const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Serves the origin's metrics on a port of their own, so that no load balancer exposes them. */
export function serveMetrics(registry: Registry, host: string, port: number): Promise<Serving> {
  // Its type knows only the older format.
  registry.setContentType(contentType as never);
  const fetch = async (request: Request): Promise<Response> => {
    if (request.method !== 'GET' || new URL(request.url).pathname !== '/metrics')
      return new Response('Metrics are at /metrics\n', { status: 404 });
    const headers = { 'Content-Type': contentType, 'Cache-Control': 'no-store' };
    return new Response(await registry.metrics(), { headers });
  };
  return serve({ fetch, host, port, setting: 'METRICS_PORT' });
}
