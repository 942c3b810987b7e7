// Signs and verifies purges: `t=<unix milliseconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
// Also reads and writes the clock that an edge tells its signer. Uses Web Crypto, which every runtime has.
const encoder = new TextEncoder();

/** @param t unix milliseconds; the edge's lease runs from it. @returns the value of the `Purge-Signature` header. */
export async function signPurge(key: string, body: string, t: number): Promise<string> {
  const signed = signedBytes(String(t), encoder.encode(body));
  const signature = await crypto.subtle.sign('HMAC', await importKey(key, 'sign'), signed);
  return `t=${t},v1=${toHex(new Uint8Array(signature))}`;
}

const signatureForm = /^t=(\d{1,15}),\s*v1=([0-9a-f]{64})$/i;

/** What the signature says of its time, before the body is there to verify it. @returns unix milliseconds */
export function readSignedTime(header: string | null): number | undefined {
  const time = signatureForm.exec(header ?? '')?.[1];
  return time === undefined ? undefined : Number(time);
}

/**
 * @returns the signed time, or undefined where the signature is not ours. The comparison takes the same time
 * wherever it differs.
 */
export async function verifyPurge(
  key: string | undefined,
  body: Uint8Array,
  header: string | null,
): Promise<number | undefined> {
  const match = signatureForm.exec(header ?? '');
  if (match === null || key === undefined) return undefined;
  const [, t = '', hex = ''] = match;
  const signed = signedBytes(t, body);
  const right = await crypto.subtle.verify('HMAC', await importKey(key, 'verify'), fromHex(hex), signed);
  return right ? Number(t) : undefined;
}

/**
 * The clocks of an edge, as each answer to a purge tells them: a purge is dated by them, whatever the signer's own say.
 */
export interface EdgeClock {
  /** Of the process. */
  boot: string;
  monotonicMs: number;
  /** Unix milliseconds. */
  wallMs: number;
}

export const clockHeader = 'Edge-Clock';

export function formatEdgeClock({ boot, monotonicMs, wallMs }: EdgeClock): string {
  return `${boot} ${Math.floor(monotonicMs)} ${Math.floor(wallMs)}`;
}

export function parseEdgeClock(header: string | null): EdgeClock | undefined {
  const match = /^([\w-]{1,64}) (\d{1,15}) (\d{1,15})$/.exec(header ?? '');
  if (match === null) return undefined;
  return { boot: match[1]!, monotonicMs: Number(match[2]), wallMs: Number(match[3]) };
}

/** The bytes as they came: what is not UTF-8 must not be signed for as what it decodes to. */
function signedBytes(t: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`${t}.`);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

function importKey(key: string, use: 'sign' | 'verify'): ReturnType<typeof crypto.subtle.importKey> {
  return crypto.subtle.importKey('raw', encoder.encode(key), { name: 'HMAC', hash: 'SHA-256' }, false, [use]);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
