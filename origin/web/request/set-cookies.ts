// Adds the cookies that a domain sets to a JSON answer.
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';

/** @param setCookies `Set-Cookie` values, each a line of its own */
export function setCookies(c: Context<AppEnv>, setCookies: string[]): void {
  for (const cookie of setCookies) c.header('Set-Cookie', cookie, { append: true });
}

/** @returns the `Cookie` header with which a browser would come back after this answer */
export function afterCookies(header: string | undefined, setCookies: string[]): string | undefined {
  const pairs = new Map(
    (header ?? '')
      .split(/;\s*/)
      .filter(Boolean)
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair]),
  );
  for (const line of setCookies) {
    const [pair = ''] = line.split(';', 1);
    pairs.set(pair.slice(0, pair.indexOf('=')), pair);
  }
  return pairs.size === 0 ? undefined : [...pairs.values()].join('; ');
}
