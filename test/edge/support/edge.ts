// An edge in the test's own process, with a clock that the test moves.
import { createEdge, type Edge } from '../../../edge/app.ts';
import { createMemoryStore, type Store } from '../../../edge/stored/stored-response.ts';
import type { OnUpstreamFault } from '../../../edge/upstream/upstream.ts';
import { createNodeUpstream, type NodeUpstreamOptions } from '../../../edge/upstream/upstream-node.ts';
import { signPurge } from '../../../http/purge-signature.ts';

export const purgeKey = 'a key for tests only';

export interface TestEdge {
  edge: Edge;
  clock: { now: number };
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  purge(tags: Record<string, number>, t?: number): Promise<Response>;
}

export function startEdge(
  originUrl: string,
  store: Store = createMemoryStore(10_000_000),
  upstream: Partial<NodeUpstreamOptions> = {},
  onUpstreamFault: OnUpstreamFault = () => undefined,
): TestEdge {
  const clock = { now: Date.now() };
  const edge = createEdge({
    store,
    upstream: createNodeUpstream({
      originUrl,
      silenceMs: 8_000,
      wholeMs: 10_000,
      maxConnections: 50,
      maxCalls: 2_000,
      ...upstream,
    }),
    clock: { wallMs: () => clock.now, monotonicMs: () => clock.now },
    purgeKey,
    leaseSeconds: 3,
    servedBy: 'test/edge',
    onUpstreamFault,
  });
  return {
    edge,
    clock,
    get: async (path, headers = {}) => edge.app.request(`http://shop.test${path}`, { headers }, {}),
    async purge(tags, t = clock.now) {
      const body = JSON.stringify({ tags });
      const headers = { 'purge-signature': await signPurge(purgeKey, body, t) };
      return edge.app.request('http://shop.test/.edge/purge', { method: 'POST', body, headers }, {});
    },
  };
}
