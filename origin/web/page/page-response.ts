// Sends a personal page: never cached, compressed, with its cookies.
// Also sends the error page, which never shows internal details.
import type { Context } from 'hono';
import { chooseEncoding } from '../../../http/negotiation.ts';
import type { Refusal } from '../../errors.ts';
import type { AppEnv } from '../env.ts';
import { headersOf } from '../problem.ts';
import { compressOnce } from '../shared/representation.ts';
import { type Html, html } from './html.ts';
import { layout, type NavigationItem } from './layout.ts';

interface PageOptions {
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

/** Answers a form with 303, so that reloading the next page sends nothing again. */
export function seeOther(location: string, setCookies: string[] = []): Response {
  const headers = new Headers({ Location: location, 'Cache-Control': 'private, no-store' });
  for (const cookie of setCookies) headers.append('Set-Cookie', cookie);
  return new Response(null, { status: 303, headers });
}

const headings: Record<number, string> = {
  401: 'Please sign in',
  403: 'This request was refused',
  404: 'Page not found',
  409: 'Something has changed',
  413: 'That is too large',
  422: 'Please check what you entered',
  428: 'Please try again',
  429: 'Too many requests',
  503: 'Please try again in a moment',
};

/**
 * The error page: what happened and what to do, without internal details.
 * @param navigation the departments, so that the header is the same as on other pages
 */
export function errorPage(refusal: Refusal, navigation: NavigationItem[]): Response {
  const headers = headersOf(refusal, 'text/html; charset=utf-8');
  return new Response(String(errorDocument(refusal, navigation)), { status: refusal.status, headers });
}

export function errorDocument(refusal: Refusal, navigation: NavigationItem[]): Html {
  const heading =
    headings[refusal.status] ??
    (refusal.status >= 500 ? 'Something went wrong' : 'Please check what you entered');
  return layout(
    { title: heading, unlisted: true, navigation },
    html`<section class="nowhere"><p class="label soft">${refusal.status}</p>
<h1>${heading}</h1>
<p class="lead">${refusal.message}.</p>
${refusal.retryAfterSeconds === undefined ? '' : html`<p>Trying again in ${describeWait(refusal.retryAfterSeconds)} is safe: nothing happens twice.</p>`}
<p class="row"><a class="button" href="/">Go to the home page</a> <a href="/search">See all products</a>
${refusal.status === 401 ? html`<a href="/sign-in">Sign in</a>` : ''}</p></section>`,
  );
}

function describeWait(seconds: number): string {
  if (seconds <= 1) return 'a second';
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
