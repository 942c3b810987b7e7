// Turns every error into an answer: a problem document (RFC 9457) under /api, the error page elsewhere.
// This includes unreadable requests.
import { HTTPException } from 'hono/http-exception';
import {
  makeProblem,
  type Problem,
  problemContentType,
  statusOfUnreadable,
} from '../../http/problem-document.ts';
import type { Settings } from '../config.ts';
import { Refusal, unavailable, unsupportedMediaType } from '../errors.ts';
import { isPostgresAway, isUnstorableText } from '../postgres/postgres-errors.ts';
import { createFinishResponse } from './response-headers.ts';

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Sign-in needed',
  403: 'Refused',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  410: 'No longer kept',
  412: 'Precondition failed',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Cannot be processed',
  428: 'Precondition required',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Our mistake',
  503: 'Not available now',
};

/** Paths of programs: every error is answered with a problem document. */
export function isApiPath(path: string): boolean {
  return path === '/api' || path.startsWith('/api/') || path === '/livez' || path === '/readyz';
}

/** Any error that is not an expected refusal becomes a 500, and only the log has its cause. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof HTTPException) {
    if (error.status === 415) return unsupportedMediaType('application/json');
    return new Refusal(400, 'bad-request', error.message || 'This request cannot be read', { cause: error });
  }
  if (isPostgresAway(error))
    return unavailable('The shop cannot reach its books right now; trying again is safe', error);
  // The net below the schemas: what a client sent is a client's fault, wherever it is found out.
  if (isUnstorableText(error))
    return new Refusal(400, 'bad-request', 'A text holds a character that stands in no text (NUL)', {
      cause: error,
    });
  return new Refusal(500, 'internal', 'Something went wrong on our side; nothing that you sent is at fault', {
    cause: error,
  });
}

export function toProblem(refusal: Refusal): Problem {
  return makeProblem({
    title: titles[refusal.status] ?? 'Error',
    status: refusal.status,
    code: refusal.code,
    detail: refusal.message,
    ...refusal.details,
  });
}

export function problemResponse(refusal: Refusal): Response {
  const headers = headersOf(refusal, problemContentType);
  return new Response(JSON.stringify(toProblem(refusal)), { status: refusal.status, headers });
}

export function headersOf(refusal: Refusal, contentType: string): Record<string, string> {
  const headers = { 'Content-Type': contentType, 'Cache-Control': 'private, no-store', ...refusal.headers };
  if (refusal.retryAfterSeconds === undefined) return headers;
  return { ...headers, 'Retry-After': String(refusal.retryAfterSeconds) };
}

// Answers an unreadable request like any other refusal: a problem document with the usual headers.

/** @param error of Node's parser, or of the adapter that builds a web-standard request */
export type RefuseUnreadable = (error: unknown) => Response;

export function createRefuseUnreadable(
  settings: Pick<Settings, 'zone' | 'instance' | 'siteUrl'>,
): RefuseUnreadable {
  const finish = createFinishResponse(settings);
  return (error) => {
    const response = problemResponse(refusalFor(error));
    finish(response, performance.now());
    return response;
  };
}

function refusalFor(error: unknown): Refusal {
  const { name, code = '' } = error as { name?: string; code?: string };
  const status = statusOfUnreadable({ code });
  if (status === 431)
    return new Refusal(431, 'headers-too-large', 'The headers of this request are longer than we accept');
  if (status === 408) return new Refusal(408, 'request-timeout', 'This request did not come whole in time');
  if (name === 'RequestError' || code.startsWith('HPE_'))
    return new Refusal(
      400,
      'bad-request',
      'This request cannot be read: its address, Host or form is malformed',
    );
  return toRefusal(error);
}
