// Compresses a plain body once, when its answer is stored; the stored answer then looks as if the origin had compressed
// it.
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { chooseEncoding } from '../../http/accept-encoding.ts';
import type { Fields } from '../../http/fields.ts';
import { parseCacheControl } from '../http/cache-control.ts';

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

/** Below this, headers weigh more than what compression saves. */
const minBytes = 860;
const textual =
  /^(?:text\/|image\/svg\+xml|application\/(?:[\w.-]+\+)?(?:json|xml)|application\/(?:javascript|manifest\+json|wasm))/i;

/**
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
