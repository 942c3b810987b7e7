// What the edge says when the origin does not: a page for people, a problem (RFC 9457) for programs; never kept.
import type { Fields } from './vary.ts';

const titles: Record<number, { code: string; title: string; text: string }> = {
  400: { code: 'bad-request', title: 'Bad request', text: 'This request cannot be read in one way only.' },
  401: { code: 'bad-signature', title: 'Not signed', text: 'The signature is missing, wrong or too old.' },
  409: {
    code: 'clock-off',
    title: 'Clocks differ',
    text: 'The signed time is more than a second from ours.',
  },
  413: { code: 'too-large', title: 'Too large', text: 'The request is longer than we accept.' },
  502: {
    code: 'origin-cut-short',
    title: 'Incomplete answer',
    text: 'The answer ended before it was whole. Please try again.',
  },
  503: {
    code: 'origin-away',
    title: 'Just a moment',
    text: 'The shop cannot be reached right now. Nothing is lost; please try again shortly.',
  },
  504: { code: 'not-kept', title: 'Not kept', text: 'There is no kept answer, and none may be fetched.' },
};

export function errorAnswer(
  status: number,
  request: Fields,
  servedBy: string,
  cacheStatus: string,
): Response {
  const { code, title, text } = titles[status]!;
  const wantsPage = /\btext\/html\b/.test(request.get('accept') ?? '');
  const headers: Record<string, string> = {
    'cache-control': 'private, no-store',
    'cache-status': cacheStatus,
    'served-by': servedBy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'content-type': wantsPage ? 'text/html; charset=utf-8' : 'application/problem+json',
  };
  if (status === 503) headers['retry-after'] = '2';
  if (!wantsPage)
    return new Response(JSON.stringify({ type: 'about:blank', title, status, code, detail: text }), {
      status,
      headers,
    });
  headers['content-security-policy'] = "default-src 'none'; frame-ancestors 'none'";
  return new Response(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><main><h1>${title}</h1><p>${text}</p></main></html>`,
    { status, headers },
  );
}
