// Problem documents (RFC 9457), by which edge and origin tell programs why a request was refused; and the answer on the
// bare socket to bytes that are not a request.
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  /** Stable, such as `not-found`. */
  code: string;
  detail: string;
  [extra: string]: unknown;
}

export const problemContentType = 'application/problem+json';

/** @param told what this problem is; extra members stand after the usual ones. */
export function makeProblem(
  told: { title: string; status: number; code: string; detail: string } & Record<string, unknown>,
): Problem {
  return { type: 'about:blank', ...told };
}

// What edge and origin do with bytes that are not a request: which status it is, and the answer on the bare socket.

/** Of Node's parser and server; any other fault of what was sent is 400. */
const statuses: Record<string, 408 | 431> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** @param error as `clientError` gives it. */
export function statusOfUnreadable(error: object): 400 | 408 | 431 {
  return statuses[codeOf(error)] ?? 400;
}

/** @returns whether an answer can still be written; otherwise the socket is destroyed. */
export function canStillAnswer(error: object, socket: Duplex): boolean {
  const can = codeOf(error) !== 'ECONNRESET' && socket.writable;
  if (!can) socket.destroy();
  return can;
}

export interface BareAnswer {
  status: number;
  statusText?: string;
  headers: Iterable<[name: string, value: string | string[]]>;
  body: string;
}

/** Writes the answer where there is no response object. Nothing after it can be read either: the connection ends. */
export function answerOnSocket(socket: Duplex, { status, statusText, headers, body }: BareAnswer): void {
  const bytes = Buffer.from(body);
  const lines = [
    `HTTP/1.1 ${status} ${statusText || STATUS_CODES[status]}`,
    `date: ${new Date().toUTCString()}`,
    ...[...headers].flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`)),
    `content-length: ${bytes.length}`,
    'connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  // Destroyed, as a client that goes on sending would keep it open for as long as it likes.
  socket.end(bytes, () => socket.destroy());
}

function codeOf(error: object): string {
  return 'code' in error ? String(error.code) : '';
}
