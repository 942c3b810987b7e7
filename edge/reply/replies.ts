// The three ways to reply: a stored answer, the origin's answer, or an error answer of the edge.

import type { Duplex } from 'node:stream';
import type { Fields } from '../../http/fields.ts';
import { answerOnSocket, makeProblem, problemContentType } from '../../http/problem-document.ts';
import type { Fence, FenceClock } from '../fence.ts';
import { type Answer, answerFrom, toResponse } from '../stored/answer.ts';
import { mayServeStale, type StoredAnswers } from '../stored/stored-answers.ts';
import type { StoredResponse } from '../stored/stored-response.ts';
import type { Forwarded } from '../upstream/forward-request.ts';
import type { ByteBudget } from '../upstream/read-bounded.ts';
import {
  type OnUpstreamFault,
  type Upstream,
  UpstreamError,
  type UpstreamResponse,
  type UpstreamStatus,
} from '../upstream/upstream.ts';

/** What the steps of one request share. */
export interface CacheParts {
  storedAnswers: StoredAnswers;
  fence: Fence;
  upstream: Upstream;
  clock: FenceClock;
  servedBy: string;
  /** Longer bodies pass through and are not stored. */
  maxBodyBytes: number;
  budget: ByteBudget;
  onUpstreamFault: OnUpstreamFault;
}

export function serve(parts: CacheParts, stored: StoredResponse, asked: Forwarded, status: string): Response {
  const serving = { nowMs: parts.clock.wallMs(), servedBy: parts.servedBy, status };
  return toResponse(answerFrom(stored, asked.method, asked.headers, serving));
}

export function refuse(parts: CacheParts, status: number, asked: Forwarded, cacheStatus: string): Response {
  return toResponse(errorAnswer(status, asked.headers, parts.servedBy, cacheStatus));
}

export function passOn(
  parts: CacheParts,
  response: UpstreamResponse,
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null,
  status: string,
): Response {
  const headers = new Headers(response.headers);
  headers.append('cache-status', `edge; ${status}`);
  if (!headers.has('served-by')) headers.set('served-by', parts.servedBy);
  if (!headers.has('server-timing')) headers.set('server-timing', 'edge');
  const isEmpty = response.status === 204 || response.status === 205 || response.status === 304;
  return new Response(isEmpty ? null : body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}

/** The detail in Cache-Status where the origin gave no answer. */
export const detailOf: Record<UpstreamStatus, string> = {
  502: 'origin-away',
  503: 'origin-busy',
  504: 'origin-silent',
};

/** How long the origin may take where a stored answer can be served instead. */
export const patienceMs = 8_000;

/** Reports the fault to the log. @returns the status of the error answer. */
export function reportFault(parts: CacheParts, error: unknown, asked: Forwarded): UpstreamStatus {
  const fault =
    error instanceof UpstreamError
      ? error
      : new UpstreamError(502, 'The origin gave no answer that can be read', { cause: error });
  parts.onUpstreamFault(fault, asked.path);
  return fault.status;
}

/** Replies where the origin gave no answer: with a stale answer where one may be served, else with an error. */
export function replyWithoutOrigin(
  parts: CacheParts,
  stored: StoredResponse | undefined,
  asked: Forwarded,
  status: UpstreamStatus,
): Response {
  if (stored !== undefined && mayServeStale(stored, stored.staleIfAwayS, parts.fence, parts.clock.wallMs()))
    return serve(parts, stored, asked, 'fwd=stale; detail=stale-if-error');
  return refuse(parts, status, asked, `edge; fwd=miss; detail=${detailOf[status]}`);
}

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

/** The edge's own error answer: a page for browsers, a problem document (RFC 9457) for programs. It is never stored. */
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
