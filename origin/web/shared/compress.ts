// Compresses a body into each encoding that is served.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Encoding } from '../../../http/accept-encoding.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Encoded {
  identity: Bytes;
  br?: Bytes;
  gzip?: Bytes;
}

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** Below this, headers weigh more than what compression saves. */
const minBytes = 860;

/** For what is kept: every encoding, and the tag of what it is. */
export async function compressBody(body: string): Promise<{ etag: string; bodies: Encoded }> {
  const identity = Buffer.from(body);
  const etag = etagOfBody(identity);
  if (identity.length < minBytes) return { etag, bodies: { identity: onItsOwn(identity) } };
  const [br, gz] = await Promise.all([encodeBrotli(identity, 5), compressGzip(identity, { level: 6 })]);
  return { etag, bodies: { identity, br: onItsOwn(br), gzip: onItsOwn(gz) } };
}

/** Without quotation marks; each encoding's own is made of it. */
export function etagOfBody(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 22);
}

/** Short buffers and zlib's results are slices of blocks of 64 KB: who keeps one keeps the whole block. */
function onItsOwn(slice: Bytes): Bytes {
  const bytes = Buffer.allocUnsafeSlow(slice.length);
  bytes.set(slice);
  return bytes;
}

/** For what is sent once: the encoding that was chosen, quickly. */
export async function compressOnce(
  body: string,
  wanted: Encoding,
): Promise<{ bytes: Bytes; encoding: Encoding }> {
  const identity = Buffer.from(body);
  if (wanted === 'identity' || identity.length < minBytes) return { bytes: identity, encoding: 'identity' };
  const bytes =
    wanted === 'br' ? await encodeBrotli(identity, 3) : await compressGzip(identity, { level: 4 });
  return { bytes, encoding: wanted };
}

function encodeBrotli(bytes: Bytes, quality: number): Promise<Bytes> {
  return compressBrotli(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      // The usual 4 MB window would be allocated anew for each page.
      [constants.BROTLI_PARAM_LGWIN]: 18,
    },
  });
}
