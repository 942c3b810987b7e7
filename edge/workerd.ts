// The edge as a module worker, for workerd.
import { createEdge, type Edge } from './app.ts';
import { createMemoryStore } from './store.ts';
import { createFetchUpstream } from './upstream/upstream-fetch.ts';

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
