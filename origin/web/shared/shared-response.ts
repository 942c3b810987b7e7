// Responds with answers that are the same for everyone, from the fenced cache.
// Chooses the encoding, revalidates by ETag, and sets no cookies.
import type { Context, HonoRequest } from 'hono';
import { formatCacheTag } from '../../../http/cache-tag.ts';
import { chooseEncoding, type Encoding, matchesEntityTag } from '../../../http/negotiation.ts';
import type { CacheOutcome, Fresh, ReadRequest, ReadResult } from '../../cache/entry.ts';
import type { Deps } from '../../deps.ts';
import type { DbOrTx } from '../../schema.ts';
import type { AppEnv, RuntimeBindings } from '../env.ts';
import { catalogCorsHeaders } from '../request/middleware.ts';
import { siteRelease } from './release.ts';
import {
  type Bytes,
  bodyOf,
  type Encoded,
  type Representation,
  represent,
  representationCodec,
  type SharedBody,
} from './representation.ts';

export type { SharedBody } from './representation.ts';

interface SharedRequest {
  /** Names the representation by normalised input. Whatever makes it differ must be part of the key. */
  key: string;
  produce: (db: DbOrTx) => Promise<Fresh<SharedBody>>;
  /** Whether the address alone determines the key; default true. */
  isOfAddress?: boolean;
}

/**
 * Answers `request`. Where the address alone determines it, the warm page responder answers that address from then
 * on.
 */
export async function respondShared(
  c: Context<AppEnv>,
  deps: Pick<Deps, 'cache' | 'now'>,
  request: SharedRequest,
): Promise<Response> {
  const read = toRead(request);
  const result = await deps.cache.read(read);
  if (result.value.status === 200 && request.isOfAddress !== false)
    (c.env as RuntimeBindings | undefined)?.rememberWarmPage?.(read.key);
  const encoding = chooseEncoding(c.req.header('Accept-Encoding'), result.value.bodies);
  const isKnown =
    result.value.status === 200 &&
    matchesEntityTag(c.req.header('If-None-Match'), etagOf(result.value, encoding));
  const answer = composeAnswer(result, { encoding, isKnown, nowMs: deps.now() });
  return new Response(answer.body ?? null, answer);
}

function toRead({ key, produce }: SharedRequest): ReadRequest<Representation> {
  return {
    // Another release renders the page in another way, so each release fills its own entries.
    key: `shared:${siteRelease}:${key}`,
    codec: representationCodec,
    fromReplicas: true,
    fill: async (db) => {
      const { value, ...fresh } = await produce(db);
      return { value: await represent(value), ...fresh };
    },
  };
}

/** A composed answer of a shared address. */
interface SharedAnswer {
  status: number;
  headers: Record<string, string>;
  /** Undefined where the client's copy is current. */
  body: Bytes | undefined;
}

/** How long the edge may keep an answer, unless its tags are raised earlier. Browsers always revalidate. */
const edgeSeconds = 3_600;

/** Bytes. Proxies refuse or cut longer fields. No proxy may keep an answer whose tags would be cut. */
const longestCacheTag = 4_000;

interface AnswerChoice {
  encoding: Encoding;
  /** Whether the client has this content already. */
  isKnown: boolean;
  nowMs: number;
}

export function composeAnswer(
  { value, tags, until, outcome, mayBeOld = false }: ReadResult<Representation>,
  { encoding, isKnown, nowMs }: AnswerChoice,
): SharedAnswer {
  const cacheTag = formatCacheTag(tags);
  const fits = cacheTag.length <= longestCacheTag;
  const headers: Record<string, string> = {
    'Content-Type': value.contentType,
    'Cache-Control': 'public, max-age=0, must-revalidate',
    'CDN-Cache-Control': fits && !mayBeOld ? edgeLifetime(until, nowMs) : 'no-store',
    ...(fits && { 'Cache-Tag': cacheTag }),
    'Cache-Status': cacheStatus(outcome),
    ETag: etagOf(value, encoding),
    Vary: 'Accept-Encoding',
  };
  if (value.contentType === 'application/json') Object.assign(headers, catalogCorsHeaders);
  if (value.location !== undefined) headers['Location'] = value.location;
  if (isKnown) return { status: 304, headers, body: undefined };
  if (encoding !== 'identity') headers['Content-Encoding'] = encoding;
  return { status: value.status, headers, body: bodyOf(value, encoding) };
}

/**
 * Lifetime at an edge (RFC 9213, RFC 5861). It ends at `until`, when the value changes, even while no origin answers.
 */
export function edgeLifetime(until: number | undefined, nowMs: number): string {
  const left =
    until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Math.floor((until - nowMs) / 1_000));
  const fresh = Math.min(edgeSeconds, left);
  const stale = left - fresh;
  const extra =
    stale > 0
      ? `, stale-while-revalidate=${Math.min(60, stale)}, stale-if-error=${Math.min(86_400, stale)}`
      : '';
  return `max-age=${fresh}${extra}`;
}

export function etagOf({ etag }: Pick<Representation, 'etag'>, encoding: Encoding): string {
  return encoding === 'identity' ? `"${etag}"` : `"${etag}-${encoding}"`;
}

/**
 * Responds with a file that this process holds in each encoding: revalidated by ETag, as every answer that has one.
 * @param headers of the file, whatever the encoding
 */
export function respondKept(
  request: Pick<HonoRequest, 'header'>,
  kept: { etag: string; bodies: Encoded },
  headers: Record<string, string>,
): Response {
  const encoding = chooseEncoding(request.header('Accept-Encoding'), kept.bodies);
  const etag = etagOf(kept, encoding);
  const all: Record<string, string> = { ...headers, ETag: etag, Vary: 'Accept-Encoding' };
  if (matchesEntityTag(request.header('If-None-Match'), etag))
    return new Response(null, { status: 304, headers: all });
  if (encoding !== 'identity') all['Content-Encoding'] = encoding;
  return new Response(kept.bodies[encoding], { headers: all });
}

/** RFC 9211; this cache is named `origin`. */
function cacheStatus(outcome: CacheOutcome): string {
  if (outcome === 'hit') return 'origin; hit';
  return outcome === 'miss' ? 'origin; fwd=miss; stored' : 'origin; fwd=bypass';
}
