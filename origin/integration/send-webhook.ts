// Sends one event to one webhook endpoint, signed by Standard Webhooks, and never to a private address in production.
import { createHmac } from 'node:crypto';
import { lookup as resolve } from 'node:dns';
import { type ClientRequest, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface WebhookMessage {
  /** The same for each attempt, so that a receiver can drop repetitions. */
  id: string;
  /** JSON, exactly as it is signed. */
  body: string;
}

export interface WebhookAnswer {
  /** Undefined without an answer. */
  status: number | undefined;
  /** Undefined where the endpoint accepted the message. */
  error: string | undefined;
  /** Seconds of `Retry-After`. */
  retryAfterSeconds: number | undefined;
}

export interface WebhookTarget {
  url: string;
  /** The message gets a signature by each of them. */
  secrets: string[];
  mayBePrivate: boolean;
}

const answerMs = 10_000;

/** Never throws: failures are part of the answer. Redirects are not followed. */
export async function sendWebhook(
  { url, secrets, mayBePrivate }: WebhookTarget,
  { id, body }: WebhookMessage,
  signal: AbortSignal,
): Promise<WebhookAnswer> {
  const timestamp = Math.floor(Date.now() / 1_000);
  try {
    const target = new URL(url);
    const fault = faultOfUrl(url, mayBePrivate);
    if (fault !== undefined) throw new Error(`The address ${fault}`);
    const request = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
      ...(mayBePrivate ? {} : { lookup: lookupPublic }),
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'User-Agent': 'MyClothes.com webhooks',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        // Signatures by all secrets form one list. A receiver that changes its secret finds the one that it knows.
        'webhook-signature': secrets.map((secret) => signWebhook(secret, { id, timestamp, body })).join(' '),
      },
    });
    return await readAnswer(request, body);
  } catch (error) {
    return { status: undefined, error: describeError(error), retryAfterSeconds: undefined };
  }
}

/** Signs by Standard Webhooks (symmetric): HMAC-SHA256 of `id.timestamp.body`. @param secret `whsec_` and base64 */
export function signWebhook(
  secret: string,
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

function readAnswer(request: ClientRequest, body: string): Promise<WebhookAnswer> {
  const { promise, resolve: answer, reject } = Promise.withResolvers<WebhookAnswer>();
  request.on('error', reject);
  request.on('response', (response) => {
    const status = response.statusCode ?? 0;
    const isTaken = status >= 200 && status < 300;
    const after = Number(response.headers['retry-after']);
    answer({
      status,
      error: isTaken ? undefined : `It answered ${status}`,
      retryAfterSeconds: Number.isFinite(after) && after > 0 ? Math.min(after, 86_400) : undefined,
    });
    // The rest of the answer is not read, because it may be endless.
    response.on('error', () => undefined);
    response.destroy();
  });
  request.end(body);
  return promise;
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'No answer in time';
  return (error.message || error.name).slice(0, 300);
}

/**
 * Checks a webhook's address. A host name is resolved and checked at each delivery.
 * @returns the fault, as the end of a sentence that begins with "The address"
 */
export function faultOfUrl(url: string, mayBePrivate: boolean): string | undefined {
  if (!URL.canParse(url) || url.length > 2_000) return 'must be a URL that begins with https://';
  const { protocol, hostname, username, password } = new URL(url);
  const isLocal = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && mayBePrivate && isLocal))
    return 'must be a URL that begins with https://';
  if (username !== '' || password !== '') return 'must not hold a name or a password';
  const host = hostname.replace(/^\[|\]$/g, '');
  const isPrivate = isLocal || (isIP(host) !== 0 && isPrivateAddress(host));
  return isPrivate && !mayBePrivate ? 'must be one of the public internet' : undefined;
}

/** Connects to the address that was checked, because a second look-up might give another result. */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 4);
    const hidden = addresses.find(({ address }) => isPrivateAddress(address));
    const [first] = addresses;
    if (hidden !== undefined || first === undefined)
      return callback(new Error(`${hostname} is no address of the public internet`), '', 4);
    if (options.all) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};

const privateAddresses = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  privateAddresses.addSubnet(network, prefix, 'ipv4');

const publicSix = new BlockList();
publicSix.addSubnet('2000::', 3, 'ipv6');

/** Networks within `2000::/3` that are not on the public internet: documentation, Teredo, 6to4, benchmarks. */
const privateSix = new BlockList();
for (const [network, prefix] of [
  ['2001:db8::', 32],
  ['2001::', 23],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  privateSix.addSubnet(network, prefix, 'ipv6');

/** Only global unicast addresses of IPv6 are public (IANA's registry of special addresses). */
export function isPrivateAddress(address: string): boolean {
  if (isIP(address) === 4) return privateAddresses.check(address, 'ipv4');
  return !publicSix.check(address, 'ipv6') || privateSix.check(address, 'ipv6');
}
