// Asks the origin by node:http, which shows interim answers and passes Host on. Time and connections are bounded.

import type { Agent, IncomingMessage } from 'node:http';
import * as http from 'node:http';
import * as https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type OnUpstreamFault,
  type Upstream,
  UpstreamError,
  type UpstreamRequest,
  type UpstreamResponse,
} from './upstream.ts';

export interface NodeUpstreamOptions {
  originUrl: string;
  /** The longest that the origin may go without a byte, from the request's end on. */
  silenceMs: number;
  /** Until the answer's body has ended; undefined: as long as it flows. */
  wholeMs: number | undefined;
  maxConnections: number;
  /** More calls than this at once are refused. */
  maxCalls: number;
  /** Told of answers that break off within their bodies; the reader's stream fails as well. */
  onCutShort?: OnUpstreamFault;
}

export function createNodeUpstream(options: NodeUpstreamOptions): Upstream {
  const { silenceMs, wholeMs, maxConnections } = options;
  const origin = openOrigin(options.originUrl);
  const { host } = new URL(options.originUrl);
  const reads = origin.createAgent({ keepAlive: true, maxSockets: maxConnections, timeout: 60_000 });
  // A kept connection may close as a write goes out, and a write is never sent twice: each has a connection of its own.
  const writes = origin.createAgent({ keepAlive: false, maxSockets: maxConnections });
  let calls = 0;

  const call = (request: UpstreamRequest, agent: Agent) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const { path, method, onInterim, patienceMs = silenceMs } = request;
      const headers = [...request.headers].flat();
      // A shopper's request has one, which is passed on; the edge's own question has none.
      if (!request.headers.has('host')) headers.push('host', host);
      const outgoing = origin.request({ path, method, headers, agent });
      const give = (why: string) => () => outgoing.destroy(new UpstreamError(504, why));
      let beginning: ReturnType<typeof setTimeout> | undefined;
      // A slow shopper's upload is no fault of the origin, which is only late once it has the whole.
      const awaitAnswer = () => {
        beginning = setTimeout(
          give('The origin did not begin its answer in time'),
          Math.min(patienceMs, silenceMs),
        );
      };
      if (request.body === null) awaitAnswer();
      else outgoing.once('finish', awaitAnswer);
      const whole = wholeMs && setTimeout(give('The origin did not end its answer in time'), wholeMs);
      outgoing.on('information', ({ statusCode, headers: interim }) =>
        onInterim?.(statusCode, interim as Record<string, string>),
      );
      outgoing.on('response', (response) => {
        clearTimeout(beginning);
        response.setTimeout(silenceMs, () =>
          response.destroy(new UpstreamError(504, 'The origin fell silent within its answer')),
        );
        response.once('error', (error) => options.onCutShort?.(cutShort(error), path));
        resolve(response);
      });
      outgoing.on('close', () => {
        clearTimeout(beginning);
        if (whole !== undefined) clearTimeout(whole);
      });
      outgoing.on('error', (error: Error) => reject(Object.assign(error, { reused: outgoing.reusedSocket })));
      if (request.body === null) outgoing.end();
      else
        pipeline(Readable.fromWeb(request.body as never), outgoing).catch((error: Error) =>
          outgoing.destroy(error),
        );
    });

  return async (request) => {
    if (calls >= options.maxCalls)
      throw new UpstreamError(503, 'Cannot ask the origin as too many requests wait for it');
    calls++;
    try {
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      const response = await call(request, isRead ? reads : writes).catch(
        (error: Error & { reused?: boolean; code?: string }) => {
          // The origin closed a kept connection as we wrote on it: a read may be asked again.
          if (isRead && request.body === null && error.reused && error.code === 'ECONNRESET')
            return call(request, writes);
          throw error;
        },
      );
      return toAnswer(response);
    } catch (error) {
      throw error instanceof UpstreamError
        ? error
        : new UpstreamError(502, 'The origin gave no answer', { cause: error });
    } finally {
      calls--;
    }
  };
}

/** Breaking off within an answer is the origin's fault, silence as well as an end that came too early. */
function cutShort(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  return new UpstreamError(502, 'The origin ended its answer before it was whole', { cause: error });
}

function toAnswer(response: IncomingMessage): UpstreamResponse {
  const headers = new Headers();
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    headers.append(response.rawHeaders[at]!, response.rawHeaders[at + 1]!);
  }
  return {
    status: response.statusCode ?? 502,
    statusText: response.statusMessage ?? '',
    headers,
    body: Readable.toWeb(response) as unknown as ReadableStream<Uint8Array>,
  };
}

/**
 * Opens connections to the origin by node:http or node:https. TLS checks the origin's own name, whatever Host
 * the client sent.
 */
interface OriginAddress {
  request(options: http.RequestOptions): http.ClientRequest;
  createAgent(options: http.AgentOptions): http.Agent;
}

export function openOrigin(originUrl: string): OriginAddress {
  const { protocol, hostname, port } = new URL(originUrl);
  // URL keeps the brackets of an IPv6 address, sockets want none.
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'https:') {
    return {
      request: (options) => https.request({ ...options, host, port, servername: host }),
      createAgent: (options) => new https.Agent(options),
    };
  }
  return {
    request: (options) => http.request({ ...options, host, port }),
    createAgent: (options) => new http.Agent(options),
  };
}
