// Asks the origin by `fetch`, on runtimes without node:http.
import { type Upstream, UpstreamError } from './upstream.ts';

/** @param silenceMs until the answer begins */
export function createFetchUpstream(originUrl: string, silenceMs: number): Upstream {
  return async ({ method, path, headers, body, patienceMs = silenceMs }) => {
    const beginning = new AbortController();
    const timer = setTimeout(() => beginning.abort(), Math.min(patienceMs, silenceMs));
    try {
      const response = await fetch(new URL(path, originUrl), {
        method,
        headers,
        body,
        redirect: 'manual',
        signal: beginning.signal,
      });
      return {
        status: response.status,
        statusText: response.statusText,
        headers: new Headers(response.headers),
        body: response.body,
      };
    } catch (error) {
      if (beginning.signal.aborted)
        throw new UpstreamError(504, 'The origin did not begin its answer in time', { cause: error });
      throw new UpstreamError(502, 'The origin gave no answer', { cause: error });
    } finally {
      clearTimeout(timer);
    }
  };
}
