// What the edge asks of whatever speaks to the origin; one implementation a runtime.
export interface UpstreamRequest {
  method: string;
  /** Path and query as the client sent them. */
  path: string;
  headers: Headers;
  body: ReadableStream<Uint8Array> | null;
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

export class UpstreamError extends Error {}
