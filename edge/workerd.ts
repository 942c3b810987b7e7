// The edge as a module worker, for workerd; it asks the origin by `fetch`.
import { createEdge, type Edge } from './app.ts';
import type { FloorFollower } from './follow-floors.ts';
import { createMemoryStore } from './stored/stored-response.ts';
import { type Upstream, UpstreamError } from './upstream/upstream.ts';

interface Settings {
  ORIGIN_URL: string;
  EDGE_PURGE_KEY: string;
  EDGE_LEASE_SECONDS?: string;
  /** `asked` wherever there is more than one isolate: nobody can purge each of them. */
  EDGE_FLOORS?: string;
  INSTANCE?: string;
}

/** What goes on after the answer. */
interface Afterwards {
  waitUntil(promise: Promise<unknown>): void;
}

// One isolate is one edge: workerd hands over the settings with the first request.
const edges = new WeakMap<object, Edge>();
const isolate = {};
/** A few answers bring all that may have changed; the next request goes on. */
const mostAsks = 20;

export default {
  fetch(request: Request, env: Settings, context: Afterwards): Response | Promise<Response> {
    let edge = edges.get(isolate);
    if (edge === undefined) {
      edge = createEdge({
        store: createMemoryStore(64_000_000),
        upstream: createFetchUpstream(env.ORIGIN_URL, 60_000),
        purgeKey: env.EDGE_PURGE_KEY,
        leaseSeconds: Number(env.EDGE_LEASE_SECONDS ?? 3),
        servedBy: `workerd/${env.INSTANCE ?? 'edge'}`,
        asksForFloors: env.EDGE_FLOORS === 'asked',
      });
      edges.set(isolate, edge);
    }
    // Nothing runs between requests: each one sees to it that the lease lasts for those that follow.
    if (edge.follower?.isDue()) context.waitUntil(askForFloors(edge.follower));
    return edge.app.fetch(request, { clientAddress: request.headers.get('cf-connecting-ip') ?? '127.0.0.1' });
  },
};

/** Asks again after a change: that confirms it, so that nobody waits for the end of this isolate's lease. */
async function askForFloors(follower: FloorFollower): Promise<void> {
  for (let asks = 0; asks < mostAsks; asks++) if ((await follower.ask(0)) !== 'raised') return;
}

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
