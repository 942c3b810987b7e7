// Answers that are the same for everyone: cached with their tags, compressed once, revalidated by ETag, free of cookies.
import type { Context } from 'hono';
import type { Fresh } from '../cache/fenced-cache.ts';
import type { Deps } from '../deps.ts';
import type { DbOrTx } from '../postgres/database.ts';
import { compressBody, type Encoded } from './compress.ts';
import type { AppEnv } from './env.ts';

export interface SharedBody {
  status: 200 | 301 | 404;
  contentType: string;
  body: string;
  /** For 301. */
  location?: string;
}

export interface SharedRequest {
  /** Names the representation, from normalised input only; what differs in it must differ in the key. */
  key: string;
  produce: (db: DbOrTx) => Promise<Fresh<SharedBody>>;
}

interface Representation {
  status: number;
  contentType: string;
  location?: string;
  etag: string;
  bodies: Encoded;
}

/** How long the edge may keep it; tags bring it down earlier. Browsers always ask again. */
const edgeSeconds = 3_600;

export async function respondShared(
  c: Context<AppEnv>,
  deps: Deps,
  request: SharedRequest,
): Promise<Response> {
  const result = await deps.cache.read<Representation>({
    key: `shared:${request.key}`,
    fill: async (db) => {
      const fresh = await request.produce(db);
      return { value: await represent(fresh.value), tags: fresh.tags };
    },
  });
  const { value } = result;
  const encoding = chooseEncoding(c.req.header('Accept-Encoding'), value.bodies);
  const etag = encoding === 'identity' ? `"${value.etag}"` : `"${value.etag}-${encoding}"`;
  const headers: Record<string, string> = {
    'Content-Type': value.contentType,
    'Cache-Control': 'public, max-age=0, must-revalidate',
    'CDN-Cache-Control': `max-age=${edgeSeconds}, stale-while-revalidate=60, stale-if-error=86400`,
    'Cache-Tag': formatTags(result.tags),
    'Cache-Status': cacheStatus(result.outcome),
    ETag: etag,
    Vary: 'Accept-Encoding',
  };
  if (value.location !== undefined) headers['Location'] = value.location;
  if (value.status === 200 && matches(c.req.header('If-None-Match'), etag)) {
    return new Response(null, { status: 304, headers });
  }
  if (encoding !== 'identity') headers['Content-Encoding'] = encoding;
  return new Response(bodyBytes(value.bodies, encoding), { status: value.status, headers });
}

async function represent(shared: SharedBody): Promise<Representation> {
  const { etag, bodies } = await compressBody(shared.body);
  return {
    status: shared.status,
    contentType: shared.contentType,
    ...(shared.location ? { location: shared.location } : {}),
    etag,
    bodies,
  };
}

type Encoding = 'br' | 'gzip' | 'identity';

/** br before gzip before none, as long as the client does not weigh one with `q=0`. */
export function chooseEncoding(
  accepted: string | undefined,
  bodies: { br?: unknown; gzip?: unknown },
): Encoding {
  const weights = new Map<string, number>();
  for (const part of (accepted ?? '').toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((item) => item.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    weights.set(name, quality === undefined ? 1 : Number(quality.slice(2)));
  }
  const wants = (name: string) => (weights.get(name) ?? weights.get('*') ?? 0) > 0;
  if (bodies.br !== undefined && wants('br')) return 'br';
  if (bodies.gzip !== undefined && wants('gzip')) return 'gzip';
  return 'identity';
}

/** RFC 9211; this cache is named `origin`. */
function cacheStatus(outcome: 'hit' | 'miss' | 'bypass'): string {
  if (outcome === 'hit') return 'origin; hit';
  return outcome === 'miss' ? 'origin; fwd=miss; stored' : 'origin; fwd=bypass';
}

function formatTags(tags: Record<string, number>): string {
  return Object.entries(tags)
    .map(([tag, version]) => `${tag}@${version}`)
    .join(' ');
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(',')
    .some((candidate) => candidate.trim() === '*' || candidate.trim().replace(/^W\//, '') === etag);
}

/** Decoded once for as long as this process's memory keeps the entry. */
const decoded = new WeakMap<Encoded, Map<Encoding, Uint8Array<ArrayBuffer>>>();

function bodyBytes(bodies: Encoded, encoding: Encoding): string | Uint8Array<ArrayBuffer> {
  if (encoding === 'identity') return bodies.identity;
  const known = decoded.get(bodies) ?? new Map<Encoding, Uint8Array<ArrayBuffer>>();
  decoded.set(bodies, known);
  const bytes = known.get(encoding) ?? Uint8Array.from(Buffer.from(bodies[encoding]!, 'base64'));
  known.set(encoding, bytes);
  return bytes;
}
