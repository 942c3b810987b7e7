// A body in the encodings that it is served in, made once; binary ones as base64 so that a JSON cache can keep them.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

export interface Encoded {
  identity: string;
  /** base64 */
  br?: string;
  /** base64 */
  gzip?: string;
}

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** Below this, headers weigh more than what compression saves. */
const minBytes = 860;

export async function compressBody(body: string): Promise<{ etag: string; bodies: Encoded }> {
  const etag = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  if (Buffer.byteLength(body) < minBytes) return { etag, bodies: { identity: body } };
  const [br, gz] = await Promise.all([
    compressBrotli(body, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 5,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      },
    }),
    compressGzip(body, { level: 6 }),
  ]);
  return { etag, bodies: { identity: body, br: br.toString('base64'), gzip: gz.toString('base64') } };
}
