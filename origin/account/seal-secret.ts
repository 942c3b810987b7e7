// Seals short secrets that must be read again: AES-256-GCM under a key that follows from COOKIE_KEYS. The first key
// seals, all open.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** @param purpose so that what is sealed for one use opens in no other */
export function sealSecret(cookieKeys: string[], purpose: string, text: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(cookieKeys[0]!, purpose), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** @returns undefined where it was changed, or sealed under a key that is gone */
export function openSecret(cookieKeys: string[], purpose: string, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < 28) return undefined;
  for (const key of cookieKeys) {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(key, purpose), bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    } catch {
      // Another key.
    }
  }
  return undefined;
}

function keyOf(cookieKey: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', cookieKey, '', `seal ${purpose}`, 32));
}
