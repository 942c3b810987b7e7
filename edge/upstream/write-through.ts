// Sends a write to the origin once, and removes the stored answers that it makes old.
import { hasTags } from '../../http/cache-tag.ts';
import { cacheKey, invalidateAfterWrite, pathNamedBy } from '../http/addresses.ts';
import { dropHopByHop } from '../http/header-fields.ts';
import { toStored } from '../http/may-store.ts';
import { type CacheParts, detailOf, passOn, refuse, reportFault } from '../reply/replies.ts';
import { type Forwarded, pathOfRead } from './forward-request.ts';
import { readBounded } from './read-bounded.ts';
import type { UpstreamResponse } from './upstream.ts';

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
