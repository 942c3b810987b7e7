// Makes the edge's own error answers: a page for browsers, a problem document (RFC 9457) for programs. They are never
// stored.

import type { Duplex } from 'node:stream';
import type { Fields } from '../../http/fields.ts';
import { makeProblem, problemContentType } from '../../http/problem-document.ts';
import { answerOnSocket } from '../../http/unreadable-request.ts';
import type { Answer } from '../stored/answer.ts';

const titles: Record<number, { code: string; title: string; text: string }> = {
  400: { code: 'bad-request', title: 'Bad request', text: 'This request cannot be read in one way only.' },
  401: { code: 'bad-signature', title: 'Not signed', text: 'The signature is missing, wrong or too old.' },
  409: {
    code: 'clock-off',
    title: 'Clocks differ',
    text: 'The signed time is more than a second from ours.',
  },
  404: { code: 'not-found', title: 'Not found', text: 'There is nothing here.' },
  405: {
    code: 'method-not-allowed',
    title: 'Method not allowed',
    text: 'This method is not passed on to the shop.',
  },
  408: { code: 'too-slow', title: 'Request timeout', text: 'The request did not come whole in time.' },
  413: { code: 'too-large', title: 'Too large', text: 'The request is longer than we accept.' },
  431: {
    code: 'fields-too-large',
    title: 'Fields too large',
    text: 'The header fields are longer than we accept.',
  },
  502: {
    code: 'origin-away',
    title: 'Just a moment',
    text: 'The shop cannot be reached right now. Nothing is lost; please try again shortly.',
  },
  503: {
    code: 'origin-busy',
    title: 'Just a moment',
    text: 'Very many people are here right now. Nothing is lost; please try again shortly.',
  },
  504: {
    code: 'origin-silent',
    title: 'Just a moment',
    text: 'The shop takes too long to answer. Nothing is lost; please try again shortly.',
  },
};
/** A wish of the client's own that cannot be met (RFC 9111, 5.2.1.7). */
const notKept = {
  code: 'not-kept',
  title: 'Not kept',
  text: 'There is no kept answer, and none may be fetched.',
};

export function errorAnswer(status: number, request: Fields, servedBy: string, cacheStatus: string): Answer {
  const isOnlyIfCached = cacheStatus.endsWith('only-if-cached');
  const { code, title, text } = isOnlyIfCached ? notKept : titles[status]!;
  const headers: Record<string, string> = ownHeaders(servedBy, cacheStatus);
  if (status >= 502 && !isOnlyIfCached) headers['retry-after'] = '2';
  if (!/\btext\/html\b/.test(request.get('accept') ?? '')) {
    headers['content-type'] = problemContentType;
    const body = JSON.stringify(makeProblem({ title, status, code, detail: text }));
    return { status, statusText: title, headers, body };
  }
  headers['content-type'] = 'text/html; charset=utf-8';
  headers['content-security-policy'] = "default-src 'none'; frame-ancestors 'none'";
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><main><h1>${title}</h1><p>${text}</p></main></html>`;
  return { status, statusText: title, headers, body };
}

/** Writes one of the edge's own answers on a bare socket, and ends it. */
export function writeOnSocket(socket: Duplex, { status, statusText, headers, body }: Answer): void {
  answerOnSocket(socket, { status, statusText, headers: Object.entries(headers), body: String(body ?? '') });
}

/** What every answer of the edge's own bears. */
export function ownHeaders(servedBy: string, cacheStatus = 'edge'): Record<string, string> {
  return {
    'cache-control': 'private, no-store',
    'cache-status': cacheStatus,
    'served-by': servedBy,
    'server-timing': 'edge',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
  };
}
