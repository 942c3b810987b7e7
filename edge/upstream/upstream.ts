// The interface to the origin; each runtime has one implementation.
export interface UpstreamRequest {
  method: string;
  /** Path and query as the client sent them. */
  path: string;
  headers: Headers;
  body: ReadableStream<Uint8Array> | null;
  /**
   * How long the answer may take to begin, where there is something to show instead; else only silence ends the
   * wait.
   */
  patienceMs?: number | undefined;
  onInterim?: ((status: number, headers: Record<string, string | string[]>) => void) | undefined;
}

export interface UpstreamResponse {
  status: number;
  statusText: string;
  headers: Headers;
  body: ReadableStream<Uint8Array> | null;
}

/** @throws UpstreamError where no answer came; the request may have been carried out. */
export type Upstream = (request: UpstreamRequest) => Promise<UpstreamResponse>;

/** 502: no answer, or none that can be read. 503: too many wait. 504: it did not come in time. */
export type UpstreamStatus = 502 | 503 | 504;

export class UpstreamError extends Error {
  readonly status: UpstreamStatus;

  constructor(status: UpstreamStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
