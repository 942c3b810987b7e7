// The shop's own page for whatever was refused or failed: what happened, what to do, never how it broke.
import type { Refusal } from '../../errors.ts';
import { headersOf } from '../problem.ts';
import { type Html, html } from './html.ts';
import { layout } from './layout.ts';

const headings: Record<number, string> = {
  401: 'Please sign in',
  403: 'Not from here',
  404: 'Nothing hangs here',
  409: 'Something changed',
  413: 'Too much at once',
  422: 'That does not fit',
  428: 'Please try again',
  429: 'A little slower',
  503: 'One moment, please',
};

export function errorPage(refusal: Refusal): Response {
  const headers = headersOf(refusal, 'text/html; charset=utf-8');
  return new Response(String(errorDocument(refusal)), { status: refusal.status, headers });
}

export function errorDocument(refusal: Refusal): Html {
  const heading =
    headings[refusal.status] ?? (refusal.status >= 500 ? 'A seam came undone' : 'That does not fit');
  return layout(
    { title: heading, unlisted: true },
    html`<section class="nowhere"><p class="label soft">${refusal.status}</p>
<h1>${heading}</h1>
<p class="lead">${refusal.message}.</p>
${refusal.retryAfterSeconds === undefined ? '' : html`<p>Trying again in ${describeWait(refusal.retryAfterSeconds)} is safe: nothing happens twice.</p>`}
<p class="row"><a class="button" href="/">To the front door</a> <a href="/search">See everything</a>
${refusal.status === 401 ? html`<a href="/sign-in">Sign in</a>` : ''}</p></section>`,
  );
}

function describeWait(seconds: number): string {
  if (seconds <= 1) return 'a second';
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
