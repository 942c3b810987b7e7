// The stored answer with what each serving needs, computed once, and the store in memory that holds them.
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { TagVersions } from '../../http/cache-tag.ts';
import type { Fields } from '../../http/fields.ts';
import { chooseEncoding } from '../../http/negotiation.ts';
import { type Freshness, parseCacheControl } from '../http/freshness.ts';
import type { HeaderRecord } from '../http/header-fields.ts';

export interface StoredResponse extends Freshness {
  status: number;
  statusText: string;
  headers: HeaderRecord;
  body: Uint8Array<ArrayBuffer>;
  receivedAtMs: number;
  tags: TagVersions;
  /** The fence's epoch when the fetch began. */
  epoch: number;
  /** Values of the request's fields that Vary names, normalised. */
  vary: [name: string, value: string][];
  etag: string | null;
  lastModified: string | null;
  /** Whether the edge made this encoding of the origin's plain body. */
  compressed: boolean;
  /** Which bytes of how many, where the body is a part only. */
  part: { from: number; to: number; total: number } | undefined;
  /** The client's address where the answer sets cookies: they are nobody else's. */
  onlyFor: string | undefined;
  /** The headers of the last serving, good for as long as age and status are the same. */
  made?: { ageS: number; status: string; headers: HeaderRecord };
}

export function ageOfS(stored: StoredResponse, nowMs: number): number {
  return stored.initialAgeS + Math.max(0, nowMs - stored.receivedAtMs) / 1_000;
}

/** @returns seconds left; negative where stale. */
export function freshForS(stored: StoredResponse, nowMs: number): number {
  return stored.noCache ? -Infinity : stored.lifetimeS - ageOfS(stored, nowMs);
}

/** What an entry takes of the store's budget, in bytes, rounded up. */
function bytesOf(variants: StoredResponse[], key: string): number {
  return variants.reduce(
    (sum, { body, headers, tags }) =>
      sum +
      body.length +
      2_000 +
      // Kept once as they came and once as they were last served, two bytes a letter at most.
      4 *
        Object.entries(headers).reduce(
          (text, [name, value]) => text + name.length + String(value).length,
          0,
        ) +
      Object.keys(tags).length * 100,
    200 + 2 * key.length,
  );
}

type Variants = StoredResponse[];

/** Stores answers in memory, bounded in bytes; the least recently used are dropped first. */
export interface Store {
  get(key: string): Variants | undefined | Promise<Variants | undefined>;
  set(key: string, variants: Variants): void | Promise<void>;
  delete(key: string): void | Promise<void>;
  /** What is stored, in bytes. */
  bytes(): number;
}

export function createMemoryStore(maxBytes: number): Store {
  const entries = new LRUCache<string, Variants>({ maxSize: maxBytes, sizeCalculation: bytesOf });
  return {
    get: (key) => entries.get(key),
    set: (key, variants) => void entries.set(key, variants),
    delete: (key) => void entries.delete(key),
    bytes: () => entries.calculatedSize,
  };
}

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Below this, headers weigh more than what compression saves. */
const minBytes = 860;
const textual =
  /^(?:text\/|image\/svg\+xml|application\/(?:[\w.-]+\+)?(?:json|xml)|application\/(?:javascript|manifest\+json|wasm))/i;

/**
 * Compresses a plain body once, when its answer is stored: it then looks as if the origin had compressed it.
 * Changes the headers where the body was, or for another client would be, encoded.
 * @returns undefined where the body stays as it came.
 */
export async function compressStored(
  status: number,
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
  request: Fields,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (body.length < minBytes || !mayTransform(status, headers)) return undefined;
  headers.set('vary', withEncoding(headers.get('vary')));
  const encoding = chooseEncoding(request.get('accept-encoding') ?? '');
  if (encoding === 'identity') return undefined;
  const made =
    encoding === 'br'
      ? await brotli(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
      : await zip(body, { level: 6 });
  if (made.length >= body.length) return undefined;
  headers.set('content-encoding', encoding);
  markCompressed(headers);
  return new Uint8Array(made);
}

/**
 * Headers of an answer that the edge compressed itself. Its bytes differ from the origin's, so its ETag is weak, and
 * they depend on the client, so it varies by Accept-Encoding.
 */
export function markCompressed(headers: Headers): void {
  headers.set('vary', withEncoding(headers.get('vary')));
  headers.delete('content-length');
  headers.delete('accept-ranges');
  const etag = headers.get('etag');
  if (etag?.startsWith('"')) headers.set('etag', `W/${etag}`);
}

function mayTransform(status: number, headers: Headers): boolean {
  const bound = ['content-encoding', 'content-range', 'content-md5', 'content-digest', 'repr-digest'];
  return (
    status !== 206 &&
    textual.test(headers.get('content-type') ?? '') &&
    !bound.some((name) => headers.has(name)) &&
    !parseCacheControl(headers.get('cache-control')).has('no-transform')
  );
}

function withEncoding(vary: string | null): string {
  if (vary === null || vary.trim() === '') return 'Accept-Encoding';
  return /(?:^|,)\s*accept-encoding\s*(?:,|$)/i.test(vary) ? vary : `${vary}, Accept-Encoding`;
}
