// Defines Refusal, an expected error with a stable code, a status and a sentence for people.
// `web/problem.ts` translates it to HTTP.
import type { ProblemCode } from './web/api/problem-codes.ts';

export interface RefusalOptions {
  /** Extra members of the problem document. */
  details?: Record<string, unknown>;
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  retryAfterSeconds?: number;
  /** Headers of the answer that name alternatives, such as `Allow`. */
  headers?: Record<string, string>;
  cause?: unknown;
}

export class Refusal extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly details: Record<string, unknown>;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;

  constructor(status: number, code: ProblemCode, message: string, options: RefusalOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
  }
}

export function notFound(what: string): Refusal {
  return new Refusal(404, 'not-found', `${what} does not exist`);
}

/** @throws Refusal 404 where no item has this id */
export function findOrRefuse<Item extends { id: string }>(items: Item[], id: string, what: string): Item {
  const found = items.find((item) => item.id === id);
  if (found === undefined) throw notFound(what);
  return found;
}

/** @param accepted media type of the bodies that are read here */
export function unsupportedMediaType(accepted: string): Refusal {
  return new Refusal(415, 'unsupported-media-type', `Send the body with Content-Type: ${accepted}`, {
    headers: { Accept: accepted },
  });
}

export function unavailable(message: string, cause?: unknown): Refusal {
  return new Refusal(503, 'unavailable', message, { retryAfterSeconds: 1, cause });
}
