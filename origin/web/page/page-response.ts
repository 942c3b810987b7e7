// Sends a personal page: never cached, compressed, with its cookies.
import type { Context } from 'hono';
import { chooseEncoding } from '../../../http/accept-encoding.ts';
import type { AppEnv } from '../env.ts';
import { compressOnce } from '../shared/compress.ts';
import type { Html } from './html.ts';

export interface PageOptions {
  status?: number;
  setCookies?: string[];
  headers?: Record<string, string>;
}

export async function respondPage(
  c: Context<AppEnv>,
  page: Html,
  { status = 200, setCookies = [], headers = {} }: PageOptions = {},
): Promise<Response> {
  const wanted = chooseEncoding(c.req.header('Accept-Encoding'), { br: true, gzip: true });
  const { bytes, encoding } = await compressOnce(String(await page), wanted);
  const all = new Headers({
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'private, no-store',
    Vary: 'Accept-Encoding, Cookie',
    ...headers,
  });
  for (const cookie of setCookies) all.append('Set-Cookie', cookie);
  if (encoding !== 'identity') all.set('Content-Encoding', encoding);
  return new Response(bytes, { status, headers: all });
}

/** The answer to a form: 303, so that reloading the page that follows sends nothing again. */
export function seeOther(location: string, setCookies: string[] = []): Response {
  const headers = new Headers({ Location: location, 'Cache-Control': 'private, no-store' });
  for (const cookie of setCookies) headers.append('Set-Cookie', cookie);
  return new Response(null, { status: 303, headers });
}
