// Asks the origin, with the validators of a stored answer if there is one, and stores the reply where that is allowed.
import { hasTags } from '../../http/cache-tag.ts';
import { cacheKey, invalidateAfterWrite, pathNamedBy } from '../http/addresses.ts';
import { dropHopByHop } from '../http/header-fields.ts';
import {
  addUnstoredFields,
  confirmByHead,
  isConditional,
  setConditions,
  type Times,
  toStored,
  update,
} from '../http/may-store.ts';
import {
  type CacheParts,
  detailOf,
  passOn,
  patienceMs,
  refuse,
  replyWithoutOrigin,
  reportFault,
  serve,
} from '../reply/replies.ts';
import { mayServeStale, type StoredLookup } from '../stored/stored-answers.ts';
import { compressStored, type StoredResponse } from '../stored/stored-response.ts';
import { type Forwarded, pathOfRead } from './forward-request.ts';
import { type BoundedRead, readBounded } from './read-bounded.ts';
import { UpstreamError, type UpstreamResponse, type UpstreamStatus } from './upstream.ts';

export interface Fetched {
  response: Response;
  /** What was stored of it, for those who wait. */
  stored?: StoredResponse | undefined;
  /**
   * `own`: the answer is for this request alone. `outdated`: below a floor by now. `away`: the origin gave no
   * answer.
   */
  end: 'stored' | 'own' | 'outdated' | 'away';
  /** The status of the error answer, where `end` is `away`. */
  status?: UpstreamStatus;
}

export async function askOrigin(parts: CacheParts, asked: Forwarded, found: StoredLookup): Promise<Fetched> {
  const { clock, fence } = parts;
  const requestedAtMs = clock.wallMs();
  const epoch = fence.epoch();
  const stale = found.stored;
  const conditional = stale !== undefined && isConditional(stale, asked);
  let response: UpstreamResponse;
  try {
    const headers = conditional ? setConditions(asked.headers, stale) : asked.headers;
    const canStandIn = stale !== undefined && mayServeStale(stale, stale.staleIfAwayS, fence, clock.wallMs());
    response = await parts.upstream({ ...asked, headers, ...(canStandIn ? { patienceMs } : {}) });
  } catch (error) {
    const status = reportFault(parts, error, asked);
    return { response: replyWithoutOrigin(parts, stale, asked, status), end: 'away', status };
  }
  dropHopByHop(response.headers);
  if (!response.headers.has('date')) response.headers.set('date', new Date(clock.wallMs()).toUTCString());
  const times = { requestedAtMs, receivedAtMs: clock.wallMs(), epoch };
  if (response.status === 304 && conditional) {
    await response.body?.cancel();
    const stored = update(stale, response, asked, times);
    // The origin was asked after this request began, and its tags are the present ones.
    if (stored !== undefined && (await parts.storedAnswers.store(asked.key, stored)))
      return {
        stored,
        response: addUnstoredFields(serve(parts, stored, asked, 'fwd=stale; fwd-status=304'), response),
        end: 'stored',
      };
    return askOrigin(parts, asked, { stored: undefined, known: true });
  }
  if (response.status >= 500 && stale && mayServeStale(stale, stale.staleIfErrorS, fence, clock.wallMs())) {
    await response.body?.cancel();
    const status = `fwd=stale; fwd-status=${response.status}; detail=stale-if-error`;
    return { response: serve(parts, stale, asked, status), end: 'own' };
  }
  return receive(parts, asked, response, { found, times });
}

async function receive(
  parts: CacheParts,
  asked: Forwarded,
  response: UpstreamResponse,
  { found, times }: { found: StoredLookup; times: Times },
): Promise<Fetched> {
  const forward = `fwd=${found.stored ? 'stale' : found.known ? 'vary-miss' : 'uri-miss'}; fwd-status=${response.status}`;
  if (asked.method === 'HEAD') {
    if (found.stored !== undefined)
      await confirmByHead(parts.storedAnswers, { asked, stored: found.stored, response, times });
    return { response: passOn(parts, response, null, forward), end: 'own' };
  }
  const storable = toStored({ request: asked.headers, response, ...times });
  if (storable === undefined)
    return { response: passOn(parts, response, response.body, forward), end: 'own' };
  if (!parts.fence.mayStore(storable.tags, times.epoch))
    return { response: passOn(parts, response, response.body, forward), end: 'outdated' };
  let read: BoundedRead;
  try {
    read = await readBounded(response.body, parts.maxBodyBytes, parts.budget);
  } catch (error) {
    const status = error instanceof UpstreamError ? error.status : 502;
    return { response: replyToCutShort(parts, asked, found, status), end: 'away', status };
  }
  if ('rest' in read)
    return { response: passOn(parts, response, read.rest, `${forward}; detail=too-long`), end: 'own' };
  const encoded = await compressStored(response.status, response.headers, read.bytes, asked.headers);
  const body = encoded ?? read.bytes;
  const stored = toStored({ request: asked.headers, response, ...times });
  // The fence is asked again, after the body: a purge may have come meanwhile.
  const entry = stored && { ...stored, body, compressed: encoded !== undefined };
  const isStored = entry !== undefined && (await parts.storedAnswers.store(asked.key, entry));
  const reply = passOn(
    parts,
    response,
    body.length > 0 ? body : null,
    isStored ? `${forward}; stored` : forward,
  );
  return isStored ? { response: reply, stored: entry, end: 'stored' } : { response: reply, end: 'outdated' };
}

function replyToCutShort(
  parts: CacheParts,
  asked: Forwarded,
  { stored }: StoredLookup,
  status: UpstreamStatus,
): Response {
  if (stored && mayServeStale(stored, stored.staleIfErrorS, parts.fence, parts.clock.wallMs()))
    return serve(parts, stored, asked, 'fwd=stale; detail=stale-if-error');
  return refuse(parts, status, asked, 'edge; fwd=miss; detail=cut-short');
}

/** Sends a write to the origin once, and removes the stored answers that it makes old. */
export async function writeThrough(parts: CacheParts, asked: Forwarded): Promise<Response> {
  const requestedAtMs = parts.clock.wallMs();
  let response: UpstreamResponse;
  try {
    response = await parts.upstream(asked);
  } catch (error) {
    const status = reportFault(parts, error, asked);
    return refuse(parts, status, asked, `edge; fwd=method; detail=${detailOf[status]}`);
  }
  dropHopByHop(response.headers);
  for (const path of invalidateAfterWrite(asked, response))
    await parts.storedAnswers.remove(cacheKey(asked.host, pathOfRead(path)));
  const times = { requestedAtMs, receivedAtMs: parts.clock.wallMs(), epoch: parts.fence.epoch() };
  if (asked.method === 'POST' && answersLaterGet(asked, response))
    return storeForGet(parts, asked, response, times);
  return passOn(parts, response, response.body, 'fwd=method');
}

/** Whether it says to be the page itself: Content-Location is its own address (RFC 9110, 9.3.3). */
function answersLaterGet(asked: Forwarded, response: UpstreamResponse): boolean {
  return (
    response.status === 200 && pathNamedBy(response.headers.get('content-location'), asked) === asked.path
  );
}

async function storeForGet(
  parts: CacheParts,
  asked: Forwarded,
  response: UpstreamResponse,
  times: { requestedAtMs: number; receivedAtMs: number; epoch: number },
): Promise<Response> {
  const stored = toStored({ request: asked.headers, response, ...times });
  if (!stored?.explicit || hasTags(stored.tags) || asked.headers.has('cookie'))
    return passOn(parts, response, response.body, 'fwd=method');
  const read = await readBounded(response.body, parts.maxBodyBytes, parts.budget).catch(() => undefined);
  if (read === undefined) return refuse(parts, 502, asked, 'edge; fwd=method; detail=cut-short');
  if ('rest' in read) return passOn(parts, response, read.rest, 'fwd=method');
  await parts.storedAnswers.store(asked.key, { ...stored, body: read.bytes });
  return passOn(parts, response, read.bytes, 'fwd=method; stored');
}
