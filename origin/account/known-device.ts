// Devices and their names for people. By the device cookie a browser that signed in to an account before is known to
// it: its attempts are counted apart from those of strangers, whose wrong guesses do not lock the owner out.
import { createHash, randomBytes } from 'node:crypto';
import type { Settings } from '../config.ts';
import { clearCookie, readSignedCookie, serializeCookie, signCookie } from '../web/request/signed-cookies.ts';
import { normaliseEmail } from './account.ts';

const cookieName = '__Host-device';
const keptSeconds = 400 * 86_400;
/** A family may share a browser. */
const mostAccounts = 4;

/** `nonce~mark~mark`; a mark says that the device signed in to that e-mail, and cannot be read without knowing it. */
interface Device {
  nonce: string;
  marks: string[];
}

/** @returns a name for this device with this account; undefined where it has not signed in to it before */
export function readKnownDevice(
  settings: Pick<Settings, 'cookieKeys'>,
  cookieHeader: string | undefined,
  email: string,
): string | undefined {
  const device = readDevice(settings, cookieHeader);
  const mark = device && markOf(device.nonce, email);
  return mark !== undefined && device!.marks.includes(mark) ? `${device!.nonce} ${mark}` : undefined;
}

/** @returns a `Set-Cookie` value with which the device is known to the account from now on */
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

/** @returns a `Set-Cookie` value with which the device no longer knows the account; undefined where it did not */
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
 * @returns such as `Firefox on Windows`; a short form of what was sent where neither is known.
 */
export function nameDevice(userAgent: string): string {
  const browser = browsers.find(([pattern]) => pattern.test(userAgent))?.[1];
  const system = systems.find(([pattern]) => pattern.test(userAgent))?.[1];
  if (browser === undefined) return userAgent.slice(0, 40) || 'Unknown device';
  return system === undefined ? browser : `${browser} on ${system}`;
}
