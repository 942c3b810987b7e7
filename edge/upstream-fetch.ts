// Speaks to the origin by fetch, where the runtime has nothing below it.
import { type Upstream, UpstreamError } from './upstream.ts';

export function createFetchUpstream(originUrl: string, timeoutMs: number): Upstream {
  return async ({ method, path, headers, body }) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    try {
      const response = await fetch(new URL(path, originUrl), {
        method,
        headers,
        body,
        redirect: 'manual',
        signal: abort.signal,
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
