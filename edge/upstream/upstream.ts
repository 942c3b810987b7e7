// The interface to the origin, which each runtime implements, and the log of the origin's faults.

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

/** Logs faults of the origin: the first of a kind at once, its repetitions as one counted line a second. */
export type OnUpstreamFault = (error: UpstreamError, path: string) => void;

const quietMs = 1_000;

interface Log {
  warn(fields: Record<string, unknown>, message: string): void;
}

export function createFaultLog(log: Log, now = () => performance.now()): OnUpstreamFault {
  const kinds = new Map<string, { untilMs: number; more: number }>();
  return (error, path) => {
    const cause = error.cause as { code?: string; message?: string } | undefined;
    const why = cause?.code ?? cause?.message;
    const kind = `${error.status} ${error.message} ${why ?? ''}`;
    const said = kinds.get(kind);
    if (said !== undefined && now() < said.untilMs) {
      said.more++;
      return;
    }
    if (kinds.size > 100) kinds.clear();
    kinds.set(kind, { untilMs: now() + quietMs, more: 0 });
    const fields = { status: error.status, why, path: path.replace(/\?.*$/, '').slice(0, 200) };
    log.warn(
      said !== undefined && said.more > 0 ? { ...fields, sameSince: said.more } : fields,
      error.message,
    );
  };
}
