// Listens under Node or Deno by Node's HTTP server, because Deno's own cannot cut slow connections.
// Stops gracefully: requests end, idle connections close. Serves metrics on a separate port.
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
  /** Answers pages that it knows before `fetch` is asked. */
  warmPages?: WarmPageResponder;
  /** Answers requests that cannot be passed to `fetch`. Node's own answers have no headers. */
  refuse?: RefuseUnreadable;
  /** The client address, by which unfinished bodies are counted; the default is the address of the connection. */
  clientAddress?: ClientAddress;
  bodyBounds?: typeof usualBodyBounds;
  readingBounds?: typeof usualReadingBounds;
  /** Undefined: plain HTTP. */
  tls?: TlsFiles | undefined;
  host: string;
  port: number;
  /** Name of the port's setting, for the error message where the port is not available. */
  setting?: string;
}

export interface Serving {
  port: number;
  /** Ends idle connections at once, and busy ones after their answer. At the deadline the rest is cut. */
  stop(deadlineMs: number): Promise<void>;
}

/** Longer than the load balancer's idle timeout of 60 s, so that it never sends into a connection that is closing. */
const keepAliveMs = 75_000;

/** @throws StartFault where the port is not available */
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
  // The shop's own code refuses requests without Host.
  requireHostHeader: false,
};

async function listenAndServe(options: ServeOptions): Promise<Serving> {
  const { fetch, warmPages, refuse, host, port, bodyBounds = usualBodyBounds } = options;
  const { clientAddress = (socketAddress: string) => socketAddress } = options;
  const { getRequestListener } = await import('@hono/node-server');
  let draining = false;
  /** For requests that found the admission queue full: how many were waiting. */
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
    // A proxy in front may have read another of the Host fields.
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
      // Node's `close` counts a connection as idle when its answer is written but not yet sent. A slow client would
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

/** Has the name of the errors of the adapter, for requests that it cannot read. */
class SeveralHosts extends Error {
  override name = 'RequestError';
}

/** Answers without waiting for the rest of the body. */
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
 * Finds idle connections: all answers are handed to the system, and nothing was received since. Node itself counts a
 * connection as idle when its answer is written but not yet sent.
 * @returns how to close the connections that are idle now; one without any request yet stays, because it is about to
 * send
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

/** Serves the metrics on a separate port, so that no load balancer exposes them. */
export function serveMetrics(registry: Registry, host: string, port: number): Promise<Serving> {
  // The library's type knows only the older format.
  registry.setContentType(contentType as never);
  const fetch = async (request: Request): Promise<Response> => {
    if (request.method !== 'GET' || new URL(request.url).pathname !== '/metrics')
      return new Response('Metrics are at /metrics\n', { status: 404 });
    const headers = { 'Content-Type': contentType, 'Cache-Control': 'no-store' };
    return new Response(await registry.metrics(), { headers });
  };
  return serve({ fetch, host, port, setting: 'METRICS_PORT' });
}
