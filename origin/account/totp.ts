// Decides whether a code of an authenticator app (TOTP, RFC 6238) is right and not used before.
// It also makes and checks recovery codes, and seals short secrets.
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';

const periodSeconds = 30;
const recoveryCount = 10;

export function makeTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

/** @returns the URI that an authenticator app takes */
export function totpUri(secret: string, label: string, issuer = 'MyClothes.com'): string {
  return totpOf(secret, label, issuer).toString();
}

/** A code of an app has six digits. Any other text is tried as a recovery code. */
export function isTotpCode(code: string): boolean {
  return /^\d{6}$/.test(code);
}

/** Removes spaces and hyphens, and ignores upper and lower case. */
export function normaliseCode(given: string): string {
  return given.replaceAll(/[\s-]/g, '').toLowerCase();
}

/**
 * @param lastStep the step of the last accepted code; a code of this step or an earlier one is refused
 * @returns the code's step, to be stored as the last one; undefined where the code is refused
 */
export function stepOfCode(
  secret: string,
  code: string,
  { nowMs, lastStep }: { nowMs: number; lastStep: number },
): number | undefined {
  const off = totpOf(secret, '').validate({ token: code, timestamp: nowMs, window: 1 });
  if (off === null) return undefined;
  const step = Math.floor(nowMs / 1_000 / periodSeconds) + off;
  return step > lastStep ? step : undefined;
}

function totpOf(secret: string, label: string, issuer = 'MyClothes.com'): TOTP {
  return new TOTP({ issuer, label, secret: Secret.fromBase32(secret), period: periodSeconds });
}

export function makeRecoveryCodes(count = recoveryCount): string[] {
  return Array.from({ length: count }, makeRecoveryCode);
}

/** Makes 79 random bits in letters that are hard to mistake for one another, such as `k7mp-2xqd-…`. */
function makeRecoveryCode(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const all = [...randomBytes(16)].map((byte) => letters[byte % letters.length]).join('');
  return all.match(/.{4}/g)!.join('-');
}

/** The code is random enough that a fast hash is safe. */
export function hashRecoveryCode(code: string): string {
  return createHash('sha256').update(normaliseCode(code)).digest('base64url');
}

/**
 * Seals a short secret that must be read again: AES-256-GCM with a key derived from COOKIE_KEYS. The first key seals;
 * every key opens.
 * @param purpose a secret that was sealed for one purpose cannot be opened for another
 */
export function sealSecret(cookieKeys: string[], purpose: string, text: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(cookieKeys[0]!, purpose), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** @returns undefined where it was changed, or sealed with a key that the settings no longer have */
export function openSecret(cookieKeys: string[], purpose: string, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < 28) return undefined;
  for (const key of cookieKeys) {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(key, purpose), bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    } catch {
      // It was sealed with another key, or changed.
    }
  }
  return undefined;
}

function keyOf(cookieKey: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', cookieKey, '', `seal ${purpose}`, 32));
}
