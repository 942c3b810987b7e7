// The edge as a module worker, for workerd; it asks the origin by `fetch`.
import { createEdge, type Edge } from './app.ts';
import { createMemoryStore } from './stored/stored-response.ts';
import { type Upstream, UpstreamError } from './upstream/upstream.ts';

interface Settings {
  ORIGIN_URL: string;
  EDGE_PURGE_KEY: string;
  EDGE_LEASE_SECONDS?: string;
}

// One isolate is one edge: workerd hands over the settings with the first request.
const edges = new WeakMap<object, Edge>();
const isolate = {};

export default {
  fetch(request: Request, env: Settings): Response | Promise<Response> {
    let edge = edges.get(isolate);
    if (edge === undefined) {
      edge = createEdge({
        store: createMemoryStore(64_000_000),
        upstream: createFetchUpstream(env.ORIGIN_URL, 60_000),
        purgeKey: env.EDGE_PURGE_KEY,
        leaseSeconds: Number(env.EDGE_LEASE_SECONDS ?? 3),
        servedBy: 'workerd/edge',
      });
      edges.set(isolate, edge);
    }
    return edge.app.fetch(request, { clientAddress: request.headers.get('cf-connecting-ip') ?? '127.0.0.1' });
  },
};

/**
 * Asks the origin by `fetch`, on runtimes without node:http.
 * @param silenceMs until the answer begins
 */
function createFetchUpstream(originUrl: string, silenceMs: number): Upstream {
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
