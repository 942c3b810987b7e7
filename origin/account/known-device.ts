// Recognises devices by a cookie which tells that a browser signed in to an account before, and names them.
// The attempts of such a device are counted apart, so that wrong guesses of strangers do not lock the owner out.
import { createHash, randomBytes } from 'node:crypto';
import type { Settings } from '../config.ts';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';
import { normaliseEmail } from './account.ts';

const cookieName = '__Host-device';
const keptSeconds = 400 * 86_400;
/** Several people of a household may share a browser. */
const mostAccounts = 4;

/**
 * `nonce~mark~mark`. A mark says that the device signed in to an e-mail; only someone who knows the e-mail can read
 * it.
 */
interface Device {
  nonce: string;
  marks: string[];
}

/** @returns an id of this device with this account; undefined where the device has not signed in to it before */
export function readKnownDevice(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
  email: string,
): string | undefined {
  const device = readDevice(settings, cookieHeader);
  const mark = device && markOf(device.nonce, email);
  return mark !== undefined && device!.marks.includes(mark) ? `${device!.nonce} ${mark}` : undefined;
}

/** @returns a `Set-Cookie` value that makes the device known to the account */
export function rememberDevice(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
  email: string,
): string {
  const { nonce, marks } = readDevice(settings, cookieHeader) ?? {
    nonce: randomBytes(16).toString('base64url'),
    marks: [],
  };
  const mark = markOf(nonce, email);
  const kept = [mark, ...marks.filter((other) => other !== mark)].slice(0, mostAccounts);
  const value = signCookie(settings.cookieKeys, cookieName, [nonce, ...kept].join('~'));
  return serializeCookie(cookieName, value, { maxAgeSeconds: keptSeconds });
}

/**
 * @returns a `Set-Cookie` value that removes the account from the device; undefined where the device did not know it
 */
export function forgetAccount(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
  email: string,
): string | undefined {
  const device = readDevice(settings, cookieHeader);
  const mark = device && markOf(device.nonce, email);
  if (device === undefined || !device.marks.includes(mark!)) return undefined;
  const others = device.marks.filter((other) => other !== mark);
  if (others.length === 0) return clearCookie(cookieName);
  const value = signCookie(settings.cookieKeys, cookieName, [device.nonce, ...others].join('~'));
  return serializeCookie(cookieName, value, { maxAgeSeconds: keptSeconds });
}

function readDevice(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
): Device | undefined {
  const value = readSignedCookie(settings.cookieKeys, cookieHeader, cookieName);
  if (value === undefined) return undefined;
  const [nonce = '', ...marks] = value.split('~');
  return { nonce, marks };
}

function markOf(nonce: string, email: string): string {
  return createHash('sha256')
    .update(`${nonce}\n${normaliseEmail(email)}`)
    .digest('base64url')
    .slice(0, 22);
}

const browsers: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const systems: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
];

/**
 * Names a device by browser and system, read from its User-Agent.
 * @returns text such as `Firefox on Windows`; where the browser is unknown, the first 40 characters of the header
 */
export function nameDevice(userAgent: string): string {
  const browser = browsers.find(([pattern]) => pattern.test(userAgent))?.[1];
  const system = systems.find(([pattern]) => pattern.test(userAgent))?.[1];
  if (browser === undefined) return userAgent.slice(0, 40) || 'Unknown device';
  return system === undefined ? browser : `${browser} on ${system}`;
}
