// The edge's cache: answers a request from the store or asks the origin. The fence is checked at each serving.
import type { Fields } from '../http/fields.ts';
import { cacheKey } from './http/addresses.ts';
import { parseCacheControl } from './http/freshness.ts';
import { fits } from './http/vary.ts';
import { type CacheParts, refuse, replyWithoutOrigin, serve } from './reply/replies.ts';
import { type Answer, answerFrom } from './stored/answer.ts';
import { chooseVariant, createStoredAnswers, decideUse, type StoredLookup } from './stored/stored-answers.ts';
import type { Store, StoredResponse } from './stored/stored-response.ts';
import { askOrigin, type Fetched, writeThrough } from './upstream/ask-origin.ts';
import {
  type EdgeRequest,
  type Forwarded,
  forwardRequest,
  isRead,
  pathOfRead,
} from './upstream/forward-request.ts';

interface EdgeCacheOptions extends Omit<CacheParts, 'storedAnswers'> {
  store: Store;
  /** Answers stored for one address. */
  maxVariants: number;
  onStoreFault: (error: unknown) => void;
}

export interface EdgeCache {
  handle(request: EdgeRequest): Promise<Response>;
  /** What a stored answer says, at once; undefined where the origin has to be asked or the store takes its time. */
  answerAtOnce(method: string, host: string, path: string, request: Fields): Answer | undefined;
}

export function createEdgeCache({
  store,
  maxVariants,
  onStoreFault,
  ...options
}: EdgeCacheOptions): EdgeCache {
  const storedAnswers = createStoredAnswers(store, options.fence, maxVariants, onStoreFault);
  const parts: CacheParts = { ...options, storedAnswers };
  const { clock, fence, servedBy } = parts;
  const coalescer = createCoalescer(parts);
  const refreshing = new Set<string>();

  function answerAtOnce(method: string, host: string, path: string, request: Fields): Answer | undefined {
    if (!isRead(method)) return undefined;
    const variants = store.get(cacheKey(host, pathOfRead(path)));
    if (!Array.isArray(variants)) return undefined;
    const stored = chooseVariant(variants, request, method);
    const nowMs = clock.wallMs();
    // Whom it is for is known once the client's address is.
    if (
      stored === undefined ||
      stored.onlyFor !== undefined ||
      decideUse(stored, request, fence, nowMs) !== 'serve'
    )
      return undefined;
    return answerFrom(stored, method, request, { nowMs, servedBy, status: 'hit' });
  }

  async function handle(request: EdgeRequest): Promise<Response> {
    const asked = forwardRequest(request);
    if (!isRead(request.method)) return writeThrough(parts, asked);
    const found = await parts.storedAnswers.find(asked.key, asked.headers, asked.method);
    if (found.stored !== undefined) {
      const verdict = decideUse(found.stored, asked.headers, fence, clock.wallMs());
      if (verdict === 'serve') return serve(parts, found.stored, asked, 'hit');
      if (verdict === 'serve-and-refresh') {
        void refresh(asked, found.stored).catch(() => undefined);
        return serve(parts, found.stored, asked, 'hit; detail=stale-while-revalidate');
      }
    }
    if (parseCacheControl(asked.headers.get('cache-control')).has('only-if-cached'))
      return refuse(parts, 504, asked, 'edge; detail=only-if-cached');
    return coalescer.fetch(asked, found);
  }

  /** Asks for the whole, whatever part or proof the request that noticed wanted. */
  async function refresh(noticed: Forwarded, stored: StoredResponse): Promise<void> {
    if (refreshing.has(noticed.key)) return;
    refreshing.add(noticed.key);
    try {
      const headers = new Headers(noticed.headers);
      for (const name of ['range', 'if-range', 'if-none-match', 'if-modified-since']) headers.delete(name);
      const asked = { ...noticed, method: 'GET', headers, onInterim: undefined };
      const { response } = await askOrigin(parts, asked, { stored, known: true });
      await response.body?.cancel();
    } finally {
      refreshing.delete(noticed.key);
    }
  }

  return { handle, answerAtOnce };
}

// Coalesces requests: one fetch for all who ask for the same page at once. Each waiting request checks the fence for
// itself.

/** Fields whose presence means that an answer may be for this request alone. */
const alone = ['cookie', 'authorization', 'range', 'cache-control'];
/** A fetch that failed is not shared: each waiting request then asks by itself. */
const failed: Omit<Fetched, 'response'> = { stored: undefined, end: 'own' };
/** How often a request waits on others before it asks by itself. */
const maxWaits = 2;

interface Coalescer {
  fetch(asked: Forwarded, found: StoredLookup): Promise<Response>;
}

function createCoalescer(parts: CacheParts): Coalescer {
  const running = new Map<string, Promise<Omit<Fetched, 'response'>>>();

  async function lead(asked: Forwarded, found: StoredLookup, name: string): Promise<Response> {
    const led = askOrigin(parts, asked, found);
    const shared = led.then(({ stored, end, status }) => ({ stored, end, status }));
    running.set(name, shared);
    shared.catch(() => undefined).finally(() => running.delete(name));
    return (await led).response;
  }

  async function fetch(asked: Forwarded, found: StoredLookup): Promise<Response> {
    const isShareable = asked.method === 'GET' && !alone.some((name) => asked.headers.has(name));
    const name = `${asked.key} ${asked.headers.get('accept-encoding') ?? ''}`;
    for (let waits = 0; isShareable && waits < maxWaits; waits++) {
      const shared = running.get(name);
      if (shared === undefined) return lead(asked, found, name);
      const { stored, end, status } = await shared.catch(() => failed);
      if (end === 'away') return replyWithoutOrigin(parts, found.stored, asked, status ?? 502);
      if (
        stored !== undefined &&
        fits(stored, asked.headers) &&
        decideUse(stored, asked.headers, parts.fence, parts.clock.wallMs()) === 'serve'
      )
        return serve(parts, stored, asked, `fwd=${found.known ? 'stale' : 'uri-miss'}; collapsed`);
      // Only what was overtaken by a purge is worth another wait: the rest is for each request alone.
      if (end !== 'outdated') break;
    }
    return (await askOrigin(parts, asked, found)).response;
  }

  return { fetch };
}
