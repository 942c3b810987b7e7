// The representation of a shared address: its bodies in each encoding, and how they are stored in a cache.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gunzipSync, gzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { Encoding } from '../../../http/negotiation.ts';
import type { Codec } from '../../cache/entry.ts';

export interface SharedBody {
  status: 200 | 301 | 404;
  contentType: string;
  body: string;
  /** Target of a 301. */
  location?: string;
}

export interface Representation {
  status: number;
  contentType: string;
  location?: string;
  /** Hash of the content. Each encoding's ETag is derived from it. */
  etag: string;
  /**
   * Where compressed bodies exist, the plain one is left out: it would take three quarters of the space. See
   * `bodyOf`.
   */
  bodies: Bodies;
}

type Bodies = Partial<Record<Encoding, Bytes>>;

/** Plain bodies that are requested most. Nearly all clients accept a compressed one. */
const plain = new LRUCache<Bytes, Bytes>({
  maxSize: 4 * 1024 * 1024,
  sizeCalculation: (body) => body.length,
});

/** @param encoding one that `chooseEncoding` gave for its bodies */
export function bodyOf({ bodies }: Representation, encoding: Encoding): Bytes {
  const kept = bodies[encoding] ?? plain.get(bodies.gzip!);
  if (kept !== undefined) return kept;
  const inflated = gunzipSync(bodies.gzip!);
  plain.set(bodies.gzip!, inflated);
  return inflated;
}

export async function represent({
  status,
  contentType,
  location,
  body,
}: SharedBody): Promise<Representation> {
  const { etag, bodies } = await compressBody(body);
  return {
    status,
    contentType,
    ...(location === undefined ? {} : { location }),
    etag,
    bodies: withoutPlain(bodies),
  };
}

function withoutPlain({ identity, ...short }: Bodies): Bodies {
  return short.gzip === undefined ? { identity: identity! } : short;
}

const encodings = ['identity', 'br', 'gzip'] as const;
const lengthBytes = 4;

type Head = Omit<Representation, 'bodies'> & { lengths: Partial<Record<Encoding, number>> };

/** Stored form: length of the head, the head as JSON, then the bodies. */
export const representationCodec: Codec<Representation> = {
  memoryFactor: 1,
  encode({ bodies, ...head }) {
    const present = encodings.filter((encoding) => bodies[encoding] !== undefined);
    const lengths = Object.fromEntries(present.map((encoding) => [encoding, bodies[encoding]!.length]));
    const json = Buffer.from(JSON.stringify({ ...head, lengths } satisfies Head));
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32BE(json.length);
    return Buffer.concat([length, json, ...present.map((encoding) => bodies[encoding]!)]);
  },
  decode(bytes) {
    let end = lengthBytes + bytes.readUInt32BE();
    const { lengths, ...head } = JSON.parse(bytes.toString('utf8', lengthBytes, end)) as Head;
    const bodies: Bodies = {};
    for (const encoding of encodings) {
      const length = lengths[encoding];
      if (length === undefined) continue;
      bodies[encoding] = bytes.subarray(end, end + length);
      end += length;
    }
    return { ...head, bodies };
  },
};

export type Bytes = Uint8Array<ArrayBuffer>;

export interface Encoded {
  identity: Bytes;
  br?: Bytes;
  gzip?: Bytes;
}

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** Below this, headers cost more bytes than compression saves. */
const minBytes = 860;

/** Compresses a body for storage in every encoding, and computes its ETag. */
export async function compressBody(body: string): Promise<{ etag: string; bodies: Encoded }> {
  const identity = Buffer.from(body);
  const etag = etagOfBody(identity);
  if (identity.length < minBytes) return { etag, bodies: { identity: onItsOwn(identity) } };
  const [br, gz] = await Promise.all([encodeBrotli(identity, 5), compressGzip(identity, { level: 6 })]);
  return { etag, bodies: { identity, br: onItsOwn(br), gzip: onItsOwn(gz) } };
}

/** A hash without quotation marks. Each encoding's ETag is derived from it. */
export function etagOfBody(body: string | Buffer): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 22);
}

/** Short buffers and zlib's results are slices of blocks of 64 KB. Copying frees the rest of the block. */
function onItsOwn(slice: Bytes): Bytes {
  const bytes = Buffer.allocUnsafeSlow(slice.length);
  bytes.set(slice);
  return bytes;
}

/** Compresses a body that is sent once, quickly and only in the chosen encoding. */
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
      // The default window of 4 MB would be allocated anew for each page.
      [constants.BROTLI_PARAM_LGWIN]: 18,
    },
  });
}
