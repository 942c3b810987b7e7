// The three ways to reply: a stored answer, the origin's answer, or an error answer of the edge.

import type { Fence, FenceClock } from '../fence.ts';
import { answerFrom, toResponse } from '../stored/answer.ts';
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
import { errorAnswer } from './error-answer.ts';

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
