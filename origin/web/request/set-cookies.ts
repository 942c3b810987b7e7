// Cookies that a domain asks for, on their way out with a JSON answer.
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';

/** @param setCookies `Set-Cookie` values, each a line of its own */
export function setCookies(c: Context<AppEnv>, setCookies: string[]): void {
  for (const cookie of setCookies) c.header('Set-Cookie', cookie, { append: true });
}
