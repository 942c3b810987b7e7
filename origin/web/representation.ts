// What a shared address shows, in every encoding that it is served in, and how that lies in a cache.
import type { Codec } from '../cache/codec.ts';
import { type Bytes, compressBody, type Encoded } from './compress.ts';

export interface SharedBody {
  status: 200 | 301 | 404;
  contentType: string;
  body: string;
  /** For 301. */
  location?: string;
}

export interface Representation {
  status: number;
  contentType: string;
  location?: string;
  /** Of the content; each encoding's own is made of it. */
  etag: string;
  bodies: Encoded;
}

export async function represent({
  status,
  contentType,
  location,
  body,
}: SharedBody): Promise<Representation> {
  const { etag, bodies } = await compressBody(body);
  return { status, contentType, ...(location === undefined ? {} : { location }), etag, bodies };
}

const encodings = ['identity', 'br', 'gzip'] as const;
const lengthBytes = 4;

type Head = Omit<Representation, 'bodies'> & { lengths: Partial<Record<keyof Encoded, number>> };

/** Length of the head, the head as JSON, then the bodies one after another. */
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
    const bodies: Partial<Record<keyof Encoded, Bytes>> = {};
    for (const encoding of encodings) {
      const length = lengths[encoding];
      if (length === undefined) continue;
      bodies[encoding] = bytes.subarray(end, end + length);
      end += length;
    }
    return { ...head, bodies: bodies as Encoded };
  },
};
