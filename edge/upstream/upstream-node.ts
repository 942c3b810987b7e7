// Speaks to the origin by node:http, which shows interim answers and passes Host on; bounded in time and connections.
import type { Agent, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openOrigin } from './origin-address.ts';
import { type Upstream, UpstreamError, type UpstreamRequest, type UpstreamResponse } from './upstream.ts';

export interface NodeUpstreamOptions {
  originUrl: string;
  /** From the request's end until the answer begins, and longest silence within its body. */
  timeoutMs: number;
  /** Until the answer's body has ended. */
  wholeTimeoutMs: number;
  maxConnections: number;
  /** More calls than this at once are refused. */
  maxCalls: number;
}

export function createNodeUpstream(options: NodeUpstreamOptions): Upstream {
  const { timeoutMs, wholeTimeoutMs, maxConnections } = options;
  const origin = openOrigin(options.originUrl);
  const reads = origin.createAgent({ keepAlive: true, maxSockets: maxConnections, timeout: 60_000 });
  // A kept connection may close as a write goes out, and a write is never sent twice: each has a connection of its own.
  const writes = origin.createAgent({ keepAlive: false, maxSockets: maxConnections });
  let calls = 0;

  const call = (request: UpstreamRequest, agent: Agent) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const { path, method, onInterim } = request;
      const headers = [...request.headers].flat();
      const outgoing = origin.request({ path, method, headers, agent });
      const give = (why: string) => () => outgoing.destroy(new Error(why));
      let beginning: ReturnType<typeof setTimeout> | undefined;
      // A slow shopper's upload is no fault of the origin, which is only late once it has the whole.
      const awaitAnswer = () => {
        beginning = setTimeout(give('The origin did not answer in time'), timeoutMs);
      };
      if (request.body === null) awaitAnswer();
      else outgoing.once('finish', awaitAnswer);
      const whole = setTimeout(give('The origin did not end its answer in time'), wholeTimeoutMs);
      outgoing.on('information', ({ statusCode, headers: interim }) =>
        onInterim?.(statusCode, interim as Record<string, string>),
      );
      outgoing.on('response', (response) => {
        clearTimeout(beginning);
        response.setTimeout(timeoutMs, () => response.destroy(new Error('The origin fell silent')));
        resolve(response);
      });
      outgoing.on('close', () => {
        clearTimeout(beginning);
        clearTimeout(whole);
      });
      outgoing.on('error', (error: Error) => reject(Object.assign(error, { reused: outgoing.reusedSocket })));
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
