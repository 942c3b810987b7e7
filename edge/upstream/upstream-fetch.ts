// Speaks to the origin by fetch, where the runtime has nothing below it.
import { type Upstream, UpstreamError } from './upstream.ts';

/** @param timeoutMs until the answer begins. @param wholeTimeoutMs until its body has ended. */
export function createFetchUpstream(originUrl: string, timeoutMs: number, wholeTimeoutMs: number): Upstream {
  return async ({ method, path, headers, body }) => {
    const beginning = new AbortController();
    const timer = setTimeout(() => beginning.abort(), timeoutMs);
    const signal = AbortSignal.any([beginning.signal, AbortSignal.timeout(wholeTimeoutMs)]);
    try {
      const response = await fetch(new URL(path, originUrl), {
        method,
        headers,
        body,
        redirect: 'manual',
        signal,
      });
      return {
        status: response.status,
        statusText: response.statusText,
        headers: new Headers(response.headers),
        body: response.body,
      };
    } catch (error) {
      throw new UpstreamError('The origin did not answer', { cause: error });
    } finally {
      clearTimeout(timer);
    }
  };
}
