// Reads and writes the cart as a signed cookie of at most 4,096 bytes. A tampered cookie counts as absent.
import { createHash, randomBytes } from 'node:crypto';
import { Refusal } from '../../errors.ts';
import {
  clearCookie,
  maxCookieBytes,
  readSignedCookie,
  serializeCookie,
  signCookie,
} from '../../web/request/signed-cookies.ts';
import type { CartLine } from '../cart-contents.ts';

const cookieName = '__Host-cart';
const maxAgeSeconds = 400 * 86_400;
/** Marks the cookie of this cart state. A cookie of another state counts as absent. */
const prefix = 'c1.';

export function newCookieCart(): CookieCart {
  return { id: randomBytes(12).toString('base64url'), version: 0, lines: [], operations: [] };
}

/**
 * Derives a cart id from the account, so that all browsers of one account hold the same id. By it a merge notices
 * that the browser's pieces are the account's own, and does not add them twice.
 */
export function cartIdOfAccount(accountId: string): string {
  return createHash('sha256')
    .update(`cart of account ${accountId}`)
    .digest()
    .subarray(0, 12)
    .toString('base64url');
}

export function readCookieCart(keys: string[], header: string | undefined): CookieCart | undefined {
  const value = readSignedCookie(keys, header, cookieName);
  return value?.startsWith(prefix) ? decodeCart(value.slice(prefix.length)) : undefined;
}

/** @throws Refusal 422 `cart-limit` that says how many lines fit; the browser keeps the cookie that it has */
export function writeCookieCart(keys: string[], cart: CookieCart): string {
  if (!fitsCookie(keys, cart)) {
    const fit = countThatFit(keys, cart);
    throw new Refusal(
      422,
      'cart-limit',
      `This cart is kept in a cookie that is full: ${fit} lines fit; remove one to add another`,
      { details: { linesThatFit: fit } },
    );
  }
  return serializeCookie(cookieName, signed(keys, cart), { maxAgeSeconds });
}

export function dropCookieCart(): string {
  return clearCookie(cookieName);
}

export function fitsCookie(keys: string[], cart: CookieCart): boolean {
  return cookieName.length + signed(keys, cart).length <= maxCookieBytes;
}

/** Counts the first lines that fit. It searches by halves, because each try signs a cookie. */
export function countThatFit(keys: string[], cart: CookieCart): number {
  let fit = 0;
  let over = cart.lines.length + 1;
  while (over - fit > 1) {
    const middle = Math.floor((fit + over) / 2);
    if (fitsCookie(keys, { ...cart, lines: cart.lines.slice(0, middle) })) fit = middle;
    else over = middle;
  }
  return fit;
}

function signed(keys: string[], cart: CookieCart): string {
  return signCookie(keys, cookieName, prefix + encodeCart(cart));
}

export interface CookieCart {
  /** 12 bytes as base64url: random for a guest, derived from the account after sign-in. */
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

/** Puts the newest operation first and keeps as many as a cookie remembers. */
export function withNewest(newest: OperationMark | undefined, older: OperationMark[]): OperationMark[] {
  return [...(newest ? [newest] : []), ...older].slice(0, rememberedOperations);
}

/**
 * Encodes a cart in about four bytes a line, plus the newest 8 operations, so that a retry has no second effect.
 * @returns base64url, for a signed cookie's value
 */
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

/** Writes seven bits in each byte, the lowest first. The eighth bit says that more bytes follow. */
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
