// An expected refusal: a stable code, a status and a sentence for people. Translated to HTTP in one place, by app.ts.

export interface RefusalOptions {
  /** Extra members of the problem document. */
  details?: Record<string, unknown>;
  /** Seconds after which trying again makes sense; becomes `Retry-After`. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, message: string, options: RefusalOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function notFound(what: string): Refusal {
  return new Refusal(404, 'not-found', `${what} does not exist`);
}

export function unavailable(message: string, cause?: unknown): Refusal {
  return new Refusal(503, 'unavailable', message, { retryAfterSeconds: 1, cause });
}
