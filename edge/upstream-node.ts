// Speaks to the origin by node:http, which shows interim answers and passes Host on; bounded in time and connections.
import { Agent, type IncomingMessage, request as sendRequest } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Upstream, UpstreamError, type UpstreamRequest } from './upstream.ts';

export interface NodeUpstreamOptions {
  originUrl: string;
  timeoutMs: number;
  maxConnections: number;
  /** More calls than this at once are refused. */
  maxCalls: number;
}

export function createNodeUpstream(options: NodeUpstreamOptions): Upstream {
  const origin = new URL(options.originUrl);
  const reads = new Agent({ keepAlive: true, maxSockets: options.maxConnections, timeout: 60_000 });
  // A kept connection may close as a write goes out, and a write is never sent twice: each has a connection of its own.
  const writes = new Agent({ keepAlive: false, maxSockets: options.maxConnections });
  let calls = 0;

  const call = (request: UpstreamRequest, agent: Agent) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const headers: [string, string][] = [...request.headers];
      const outgoing = sendRequest({
        host: origin.hostname,
        port: origin.port,
        path: request.path,
        method: request.method,
        headers: headers.flat(),
        agent,
      });
      const timer = setTimeout(
        () => outgoing.destroy(new Error('The origin did not answer in time')),
        options.timeoutMs,
      );
      outgoing.on('information', (info) =>
        request.onInterim?.(info.statusCode, info.headers as Record<string, string>),
      );
      outgoing.on('response', (response) => {
        clearTimeout(timer);
        response.setTimeout(options.timeoutMs, () => response.destroy(new Error('The origin fell silent')));
        resolve(response);
      });
      outgoing.on('error', (error: Error) => {
        clearTimeout(timer);
        reject(Object.assign(error, { reused: outgoing.reusedSocket }));
      });
      if (request.body === null) outgoing.end();
      else
        pipeline(Readable.fromWeb(request.body as never), outgoing).catch((error: Error) =>
          outgoing.destroy(error),
        );
    });

  return async (request) => {
    if (calls >= options.maxCalls) throw new UpstreamError('Cannot ask the origin as too many requests wait');
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
      throw new UpstreamError('The origin did not answer', { cause: error });
    } finally {
      calls--;
    }
  };
}

function toAnswer(response: IncomingMessage) {
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
