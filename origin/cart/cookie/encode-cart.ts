// Encodes a cart in a few bytes: about four a line, plus the newest 8 operations so that a retry has no second effect.
// Pure.
import { createHash } from 'node:crypto';
import type { CartLine } from '../cart-contents.ts';

export interface CookieCart {
  /** 12 bytes as base64url: random ones for a guest, those of the account from sign-in on. */
  id: string;
  version: number;
  lines: CartLine[];
  /** Newest first; see `operationMark`. */
  operations: OperationMark[];
}

export interface OperationMark {
  /** 6 bytes of a hash as base64url. */
  opId: string;
  /** 3 bytes of a hash as base64url. */
  fingerprint: string;
}

const rememberedOperations = 8;
const idBytes = 12;
const opIdBytes = 6;
const fingerprintBytes = 3;
const format = 1;

export function operationMark(opId: string, fingerprint: string): OperationMark {
  return { opId: digest(opId, opIdBytes), fingerprint: digest(fingerprint, fingerprintBytes) };
}

/** As many as a cookie remembers. */
export function withNewest(newest: OperationMark | undefined, older: OperationMark[]): OperationMark[] {
  return [...(newest ? [newest] : []), ...older].slice(0, rememberedOperations);
}

/** @returns base64url, for a signed cookie's value */
export function encodeCart(cart: CookieCart): string {
  const operations = cart.operations.slice(0, rememberedOperations);
  const bytes: number[] = [format, ...Buffer.from(cart.id, 'base64url')];
  writeNumber(bytes, BigInt(cart.version));
  writeNumber(bytes, BigInt(operations.length));
  for (const mark of operations) {
    bytes.push(...Buffer.from(mark.opId, 'base64url'), ...Buffer.from(mark.fingerprint, 'base64url'));
  }
  writeNumber(bytes, BigInt(cart.lines.length));
  for (const line of cart.lines) {
    writeNumber(bytes, BigInt(line.variantId));
    writeNumber(bytes, BigInt(line.quantity));
  }
  return Buffer.from(bytes).toString('base64url');
}

/** @returns undefined for anything that `encodeCart` did not make. */
export function decodeCart(text: string): CookieCart | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text || bytes[0] !== format) return undefined;
  const reader = { bytes, at: 1 };
  try {
    const id = readBytes(reader, idBytes);
    const version = Number(readNumber(reader));
    const operations = readMany(reader, () => ({
      opId: readBytes(reader, opIdBytes),
      fingerprint: readBytes(reader, fingerprintBytes),
    }));
    const lines = readMany(reader, () => ({
      variantId: String(readNumber(reader)),
      quantity: Number(readNumber(reader)),
    }));
    return reader.at === bytes.length ? { id, version, lines, operations } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface Reader {
  bytes: Buffer;
  at: number;
}

function readMany<Item>(reader: Reader, read: () => Item): Item[] {
  const count = Number(readNumber(reader));
  if (count > reader.bytes.length) throw new RangeError('More items than bytes');
  return Array.from({ length: count }, read);
}

function readBytes(reader: Reader, count: number): string {
  if (reader.at + count > reader.bytes.length) throw new RangeError('Ends too early');
  reader.at += count;
  return reader.bytes.subarray(reader.at - count, reader.at).toString('base64url');
}

/** Seven bits a byte, the lowest first; the eighth says that more follow. */
function writeNumber(bytes: number[], value: bigint): void {
  let rest = value;
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
}

function readNumber(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at];
    if (byte === undefined) throw new RangeError('Ends too early');
    reader.at += 1;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value;
  }
  throw new RangeError('Number too long');
}

function digest(text: string, bytes: number): string {
  return createHash('sha256').update(text).digest().subarray(0, bytes).toString('base64url');
}
