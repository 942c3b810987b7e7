// Replaces passwords by keyed digests in a request's fingerprint, so that a password is stored only as its argon2id
// hash.
import { createHmac } from 'node:crypto';

/** @returns the body with each password replaced by a keyed digest of it. */
export function hidePassword<Body extends object>(cookieKeys: string[], body: Body): Record<string, unknown> {
  const digest = (text: string) =>
    createHmac('sha256', cookieKeys[0]!).update(`password\n${text}`).digest('base64url');
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      /password/i.test(name) && typeof value === 'string' ? digest(value) : value,
    ]),
  );
}
