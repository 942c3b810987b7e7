// The cache itself: who is answered from the store, who asks the origin, and what is kept; each serving passes the fence.
import { answerFrom, covers } from './answer.ts';
import { parseCacheControl, secondsOf } from './cache-control.ts';
import { cacheKey } from './cache-key.ts';
import { errorAnswer } from './error-answer.ts';
import type { Clock, Fence } from './fence.ts';
import { dropHopByHop } from './hop-by-hop.ts';
import { invalidateAfterWrite } from './invalidate.ts';
import { toStored } from './may-store.ts';
import { readBounded } from './read-bounded.ts';
import type { Store } from './store.ts';
import { ageOfS, freshForS, type StoredResponse } from './stored-response.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from './upstream.ts';
import { chooseEncoding, type Fields, sameVary, selectVariant } from './vary.ts';

export interface EdgeRequest {
  method: string;
  /** Path and query. */
  path: string;
  host: string;
  headers: Headers;
  body: ReadableStream<Uint8Array> | null;
  clientAddress: string;
  onInterim?: UpstreamRequest['onInterim'];
}

export interface EdgeCacheOptions {
  store: Store;
  fence: Fence;
  upstream: Upstream;
  clock: Clock;
  servedBy: string;
  /** Longer bodies pass through and are not kept. */
  maxBodyBytes: number;
  /** Answers kept for one address. */
  maxVariants: number;
  /** Pages that are the same for everyone: asked for without cookies. */
  isShared: (path: string) => boolean;
}

export interface EdgeCache {
  handle(request: EdgeRequest): Promise<Response>;
  /** A fresh, whole answer that this request may have at once; undefined where anything needs thought. */
  findHit(host: string, path: string, request: Fields): StoredResponse | undefined;
}

interface Fetched {
  stored: StoredResponse | undefined;
  response: Response;
}

export function createEdgeCache(options: EdgeCacheOptions): EdgeCache {
  const { store, fence, upstream, clock, servedBy } = options;
  const flights = new Map<string, Promise<StoredResponse | undefined>>();
  const maySend = (stored: StoredResponse) => fence.maySend(stored.tags, stored.epoch);

  function findHit(host: string, path: string, request: Fields): StoredResponse | undefined {
    const variants = store.get(cacheKey(host, path));
    if (!Array.isArray(variants)) return undefined;
    const stored = selectVariant(variants, request);
    if (stored === undefined || stored.part !== undefined || stored.status !== 200) return undefined;
    return freshForS(stored, clock.wallMs()) > 0 && maySend(stored) ? stored : undefined;
  }

  async function handle(request: EdgeRequest): Promise<Response> {
    const asked = forward(request, options.isShared);
    if (request.method !== 'GET' && request.method !== 'HEAD') return write(request, asked);
    const key = cacheKey(request.host, request.path);
    const wishes = parseCacheControl(request.headers.get('cache-control'));
    const found = await find(key, asked, request.method);
    const fits = found !== undefined && covers(found, asked, request.method);
    const nowMs = clock.wallMs();
    const left = fits ? freshForS(found, nowMs) : -Infinity;
    if (fits && maySend(found)) {
      const maxAgeS = secondsOf(wishes, 'max-age') ?? Infinity;
      const forced = wishes.has('no-cache') || ageOfS(found, nowMs) > maxAgeS || wishes.has('no-store');
      if (left > (secondsOf(wishes, 'min-fresh') ?? 0) && !forced) return serve(found, request, asked, 'hit');
      if (left > -found.staleWhileRevalidateS && left <= 0 && !forced) {
        void refresh(key, request, asked, found).catch(() => undefined);
        return serve(found, request, asked, 'hit; detail=stale-while-revalidate');
      }
    }
    if (wishes.has('only-if-cached')) return errorAnswer(504, asked, servedBy, 'edge; detail=only-if-cached');
    return fetchThrough(key, request, asked, found);
  }

  async function find(key: string, asked: Headers, method: string): Promise<StoredResponse | undefined> {
    const variants = await store.get(key);
    if (variants === undefined) return undefined;
    const whole = selectVariant(
      variants.filter((variant) => variant.part === undefined),
      asked,
    );
    return (
      whole ??
      selectVariant(
        variants.filter((variant) => covers(variant, asked, method)),
        asked,
      )
    );
  }

  function serve(stored: StoredResponse, request: EdgeRequest, asked: Headers, status: string): Response {
    return answerFrom(stored, request.method, asked, { nowMs: clock.wallMs(), servedBy, status });
  }

  /** Waits on another's fetch of the same page, if one runs; its answer must pass the fence now, not when it was asked for. */
  async function fetchThrough(
    key: string,
    request: EdgeRequest,
    asked: Headers,
    found: StoredResponse | undefined,
  ): Promise<Response> {
    const shareable =
      request.method === 'GET' &&
      !['cookie', 'authorization', 'range', 'cache-control'].some((name) => asked.has(name));
    const flightKey = `${key} ${asked.get('accept-encoding') ?? ''}`;
    const flight = shareable ? flights.get(flightKey) : undefined;
    if (flight !== undefined) {
      const stored = await flight.catch(() => undefined);
      if (
        stored !== undefined &&
        selectVariant([stored], asked) &&
        freshForS(stored, clock.wallMs()) > 0 &&
        maySend(stored)
      ) {
        return serve(stored, request, asked, 'hit; collapsed');
      }
      return (await lead(key, request, asked, found)).response;
    }
    const led = lead(key, request, asked, found);
    if (shareable) {
      const shared = led.then(({ stored }) => stored);
      flights.set(flightKey, shared);
      shared.catch(() => undefined).finally(() => flights.delete(flightKey));
    }
    return (await led).response;
  }

  const refreshing = new Set<string>();
  async function refresh(
    key: string,
    request: EdgeRequest,
    asked: Headers,
    found: StoredResponse,
  ): Promise<void> {
    if (refreshing.has(key)) return;
    refreshing.add(key);
    try {
      const { response } = await lead(key, { ...request, method: 'GET', onInterim: undefined }, asked, found);
      await response.body?.cancel();
    } finally {
      refreshing.delete(key);
    }
  }

  async function lead(
    key: string,
    request: EdgeRequest,
    asked: Headers,
    found: StoredResponse | undefined,
  ): Promise<Fetched> {
    const requestedAtMs = clock.wallMs();
    const epoch = fence.epoch();
    const conditional =
      found !== undefined &&
      found.part === undefined &&
      (found.etag ?? found.lastModified) !== null &&
      !asked.has('range');
    const headers = new Headers(asked);
    if (conditional) setConditions(headers, found);
    let response: UpstreamResponse;
    try {
      response = await upstream({
        method: request.method,
        path: request.path,
        headers,
        body: null,
        onInterim: request.onInterim,
      });
    } catch {
      return { stored: undefined, response: insteadOf(found, request, asked) };
    }
    dropHopByHop(response.headers);
    if (!response.headers.has('date')) response.headers.set('date', new Date(clock.wallMs()).toUTCString());
    const times = { requestedAtMs, receivedAtMs: clock.wallMs(), epoch };
    if (response.status === 304 && conditional) {
      await response.body?.cancel();
      const stored = update(found, response, asked, times);
      if (stored !== undefined) {
        if (fence.mayStore(stored.tags, epoch)) await keep(key, stored);
        // The origin was asked after this request began, and its tags are the present ones.
        if (fence.mayStore(stored.tags, epoch))
          return { stored, response: serve(stored, request, asked, 'hit; fwd=stale; fwd-status=304') };
      }
      return lead(key, request, asked, undefined);
    }
    if (response.status >= 500 && found !== undefined && mayServeStale(found)) {
      await response.body?.cancel();
      return {
        stored: undefined,
        response: serve(
          found,
          request,
          asked,
          `hit; fwd=stale; fwd-status=${response.status}; detail=stale-if-error`,
        ),
      };
    }
    return receive(key, request, asked, response, found, times);
  }

  async function receive(
    key: string,
    request: EdgeRequest,
    asked: Headers,
    response: UpstreamResponse,
    found: StoredResponse | undefined,
    times: { requestedAtMs: number; receivedAtMs: number; epoch: number },
  ): Promise<Fetched> {
    const stored = toStored({ request: asked, response, ...times });
    if (request.method === 'HEAD') {
      if (found !== undefined && response.status === 200 && found.status === 200)
        await updateByHead(key, found, response, asked, times);
      return { stored: undefined, response: passOn(response, null, `edge; fwd=${found ? 'stale' : 'miss'}`) };
    }
    const why = found === undefined ? 'uri-miss' : 'stale';
    if (stored === undefined || !fence.mayStore(stored.tags, stored.epoch)) {
      return {
        stored: undefined,
        response: passOn(response, response.body, `edge; fwd=${why}; fwd-status=${response.status}`),
      };
    }
    const read = await readBounded(response.body, options.maxBodyBytes).catch(() => undefined);
    if (read === undefined)
      return {
        stored: undefined,
        response: errorAnswer(502, asked, servedBy, 'edge; fwd=miss; detail=cut-short'),
      };
    if ('rest' in read)
      return {
        stored: undefined,
        response: passOn(response, read.rest, `edge; fwd=${why}; detail=too-long`),
      };
    stored.body = read.bytes;
    // Again, after the body: a purge may have come meanwhile.
    const kept = fence.mayStore(stored.tags, stored.epoch);
    if (kept) await keep(key, stored);
    const headers = passOn(
      response,
      stored.body.length > 0 ? stored.body : null,
      `edge; fwd=${why}; fwd-status=${response.status}${kept ? '; stored' : ''}`,
    );
    return { stored: kept ? stored : undefined, response: headers };
  }

  async function keep(key: string, stored: StoredResponse): Promise<void> {
    const others = ((await store.get(key)) ?? []).filter((other) => !sameVary(other, stored));
    await store.set(key, [stored, ...others].slice(0, options.maxVariants));
  }

  function update(
    found: StoredResponse,
    response: UpstreamResponse,
    asked: Headers,
    times: { requestedAtMs: number; receivedAtMs: number; epoch: number },
  ) {
    const headers = new Headers(found.headers);
    for (const [name, value] of response.headers) {
      if (!['content-length', 'content-encoding', 'content-range'].includes(name)) headers.set(name, value);
    }
    const stored = toStored({
      request: asked,
      response: { status: found.status, statusText: found.statusText, headers },
      ...times,
    });
    return stored && { ...stored, body: found.body };
  }

  async function updateByHead(
    key: string,
    found: StoredResponse,
    response: UpstreamResponse,
    asked: Headers,
    times: { requestedAtMs: number; receivedAtMs: number; epoch: number },
  ) {
    const same = (name: string) =>
      !response.headers.has(name) || response.headers.get(name) === found.record[name];
    if (!same('etag') || !same('last-modified') || !same('content-length'))
      return void (await store.delete(key));
    const stored = update(found, response, asked, times);
    if (stored !== undefined && fence.mayStore(stored.tags, stored.epoch)) await keep(key, stored);
  }

  function mayServeStale(found: StoredResponse, allowedS = found.staleIfErrorS): boolean {
    return -freshForS(found, clock.wallMs()) <= allowedS && maySend(found);
  }

  function insteadOf(found: StoredResponse | undefined, request: EdgeRequest, asked: Headers): Response {
    if (
      found !== undefined &&
      covers(found, asked, request.method) &&
      mayServeStale(found, found.staleIfAwayS)
    ) {
      return serve(found, request, asked, 'hit; fwd=stale; detail=stale-if-error');
    }
    return errorAnswer(503, asked, servedBy, 'edge; fwd=miss; detail=origin-away');
  }

  async function write(request: EdgeRequest, asked: Headers): Promise<Response> {
    const requestedAtMs = clock.wallMs();
    let response: UpstreamResponse;
    try {
      response = await upstream({
        method: request.method,
        path: request.path,
        headers: asked,
        body: request.body,
        onInterim: request.onInterim,
      });
    } catch {
      return errorAnswer(503, asked, servedBy, 'edge; fwd=method; detail=origin-away');
    }
    dropHopByHop(response.headers);
    const key = cacheKey(request.host, request.path);
    const stale = invalidateAfterWrite(request, response);
    for (const path of stale) await store.delete(cacheKey(request.host, path));
    const location = response.headers.get('content-location');
    if (
      request.method === 'POST' &&
      response.status === 200 &&
      stale.includes(request.path) &&
      location !== null &&
      stale[1] === request.path
    ) {
      const times = { requestedAtMs, receivedAtMs: clock.wallMs(), epoch: fence.epoch() };
      const stored = toStored({ request: asked, response, ...times });
      if (stored?.explicit && stored.tags.length === 0 && !asked.has('cookie')) {
        const read = await readBounded(response.body, options.maxBodyBytes).catch(() => undefined);
        if (read === undefined)
          return errorAnswer(502, asked, servedBy, 'edge; fwd=method; detail=cut-short');
        if ('rest' in read) return passOn(response, read.rest, 'edge; fwd=method');
        await keep(key, { ...stored, body: read.bytes });
        return passOn(response, read.bytes, 'edge; fwd=method; stored');
      }
    }
    return passOn(response, response.body, 'edge; fwd=method');
  }

  function passOn(
    response: UpstreamResponse,
    body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
    status: string,
  ): Response {
    const headers = new Headers(response.headers);
    headers.append('cache-status', status);
    if (!headers.has('served-by')) headers.set('served-by', servedBy);
    const empty = response.status === 204 || response.status === 205 || response.status === 304;
    return new Response(empty ? null : body, {
      status: response.status,
      statusText: response.statusText,
      headers,
    });
  }

  return { handle, findHit };
}

/** The request as the origin gets it: the client's own address, no fields of this connection, shared pages without cookies. */
function forward(request: EdgeRequest, isShared: (path: string) => boolean): Headers {
  const headers = new Headers(request.headers);
  dropHopByHop(headers);
  for (const name of ['forwarded', 'x-real-ip']) headers.delete(name);
  headers.set('x-forwarded-for', request.clientAddress);
  headers.set('host', request.host);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && isShared(request.path)) {
    headers.delete('cookie');
    headers.delete('authorization');
  }
  if (isRead && headers.has('accept-encoding'))
    headers.set('accept-encoding', chooseEncoding(headers.get('accept-encoding')!));
  return headers;
}

function setConditions(headers: Headers, found: StoredResponse): void {
  headers.delete('if-none-match');
  headers.delete('if-modified-since');
  if (found.etag !== null) headers.set('if-none-match', found.etag);
  if (found.lastModified !== null) headers.set('if-modified-since', found.lastModified);
}
