// The edge as a Hono app, the same on every runtime: its own routes first, everything else through the cache.
import { type Context, Hono, type Next } from 'hono';
import { isTracing, toTraceparent, withSpan } from '../http/tracing.ts';
import { createEdgeCache, type EdgeCache } from './edge-cache.ts';
import { createFence, type Fence, type FenceClock } from './fence.ts';
import { createFloorFollower, type FloorFollower } from './follow-floors.ts';
import { type Counts, createCounts, outcomeOf } from './metrics.ts';
import { purgeRoutes } from './purge.ts';
import { errorAnswer } from './reply/replies.ts';
import { toResponse } from './stored/answer.ts';
import type { Store } from './stored/stored-response.ts';
import { boundBody, createByteBudget } from './upstream/read-bounded.ts';
import type { OnUpstreamFault, Upstream, UpstreamRequest } from './upstream/upstream.ts';

export interface EdgeBindings {
  clientAddress?: string;
  onInterim?: UpstreamRequest['onInterim'];
}

export interface EdgeOptions {
  store: Store;
  upstream: Upstream;
  clock?: FenceClock;
  /** Without a key every purge is refused, so that no tagged answer is served twice. */
  purgeKey: string | undefined;
  leaseSeconds: number;
  servedBy: string;
  /** Whether it asks for floors; else somebody has to purge it. */
  asksForFloors?: boolean;
  onFollowFault?: (reason: string) => void;
  onUpstreamFault?: OnUpstreamFault;
  /** Bound on all bodies that are being read to be stored. Past it, answers pass through and are not stored. */
  maxBytesInMemory?: number;
}

export interface Edge {
  app: Hono<{ Bindings: EdgeBindings }>;
  cache: EdgeCache;
  fence: Fence;
  store: Store;
  counts: Counts;
  /** Undefined: this edge is purged. */
  follower: FloorFollower | undefined;
}

const systemClock: FenceClock = { wallMs: Date.now, monotonicMs: () => performance.now() };
const maxRequestBytes = 16_000_000;

export function createEdge(options: EdgeOptions): Edge {
  const { store, upstream, servedBy, clock = systemClock, maxBytesInMemory = 64_000_000 } = options;
  const counts = createCounts();
  const fence = createFence(options.leaseSeconds * 1_000, clock);
  const cache = createEdgeCache({
    store,
    upstream: traceUpstream(upstream),
    fence,
    clock,
    servedBy,
    maxBodyBytes: 8_000_000,
    maxVariants: 12,
    budget: createByteBudget(maxBytesInMemory),
    onStoreFault: () => counts.storeFaults++,
    onUpstreamFault: options.onUpstreamFault ?? (() => undefined),
  });
  const app = new Hono<{ Bindings: EdgeBindings }>();
  app.use(traceRequest);
  app.route('/.edge', purgeRoutes({ key: options.purgeKey, fence, clock, counts, servedBy }));
  app.all('*', async (c) => {
    const answer = await throughCache(c, cache, servedBy);
    counts.answers[outcomeOf(answer.headers.get('cache-status') ?? '')]++;
    return answer;
  });
  const { purgeKey: key, asksForFloors = false, onFollowFault } = options;
  const follower =
    asksForFloors && key !== undefined
      ? createFloorFollower({
          ...{ upstream, fence, clock, key, leaseMs: options.leaseSeconds * 1_000, name: servedBy },
          ...(onFollowFault && { onFault: onFollowFault }),
        })
      : undefined;
  return { app, cache, fence, store, counts, follower };
}

/** What memory answers before the app makes no span. */
async function traceRequest(c: Context, next: Next): Promise<void> {
  if (!isTracing()) return next();
  const { method } = c.req;
  const name = `${method} ${firstParts(c.req.path)}`;
  await withSpan({ name, kind: 'server', parent: c.req.header('traceparent') ?? '' }, async (span) => {
    await next();
    span?.setAttributes({
      'http.request.method': method,
      'http.response.status_code': c.res.status,
      'http.cache_status': c.res.headers.get('cache-status') ?? '',
    });
    if (c.res.status >= 500) span?.setStatus({ code: 2 });
  });
}

/** The rest of a path may hold a secret, such as that of a link in a mail. */
function firstParts(path: string): string {
  const parts = path.split('/').slice(1);
  const shown = parts[0] === 'api' || parts[0] === '.edge' ? 2 : 1;
  return `/${parts.slice(0, shown).join('/')}${parts.length > shown ? '/…' : ''}`;
}

/** The origin's span lies below the one of asking it. */
function traceUpstream(upstream: Upstream): Upstream {
  return (request) => {
    if (!isTracing()) return upstream(request);
    return withSpan({ name: 'ask origin', kind: 'client' }, async (span) => {
      if (span !== undefined) request.headers.set('traceparent', toTraceparent(span));
      const answer = await upstream(request);
      span?.setAttribute('http.response.status_code', answer.status);
      return answer;
    });
  };
}

async function throughCache(
  c: Context<{ Bindings: EdgeBindings }>,
  cache: EdgeCache,
  servedBy: string,
): Promise<Response> {
  const request = c.req.raw;
  const saidLength = request.headers.get('content-length');
  const refuse = () => toResponse(errorAnswer(413, request.headers, servedBy, 'edge'));
  if (Number(saidLength ?? 0) > maxRequestBytes) return refuse();
  const url = new URL(request.url);
  const bound =
    request.body !== null && saidLength === null ? boundBody(request.body, maxRequestBytes) : undefined;
  const answer = await cache.handle({
    method: request.method,
    path: `${url.pathname}${url.search}`,
    host: request.headers.get('host') ?? url.host,
    headers: request.headers,
    body: bound?.body ?? request.body,
    clientAddress: c.env?.clientAddress ?? '127.0.0.1',
    onInterim: c.env?.onInterim,
  });
  return bound?.isTooLong() ? refuse() : answer;
}
