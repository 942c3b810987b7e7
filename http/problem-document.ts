// Makes the problem documents (RFC 9457) by which edge and origin refuse requests.
// Also answers on the bare socket to bytes that are no request.
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

/** @param told members of the problem; extra ones stand after the usual ones */
export function makeProblem(
  told: { title: string; status: number; code: string; detail: string } & Record<string, unknown>,
): Problem {
  return { type: 'about:blank', ...told };
}

// Answers of edge and origin to bytes that are no request: the status, and the answer on the bare socket.

/** Codes of Node's parser and server. All other faults of a request are 400. */
const statuses: Record<string, 408 | 431> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** @param error from Node's `clientError` event */
export function statusOfUnreadable(error: object): 400 | 408 | 431 {
  return statuses[codeOf(error)] ?? 400;
}

/** @returns whether an answer can still be written; otherwise it destroys the socket */
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

/** Writes an answer without a response object and ends the connection, because nothing later can be read from it. */
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
  // The socket is destroyed, because a client that keeps sending could otherwise keep it open.
  socket.end(bytes, () => socket.destroy());
}

function codeOf(error: object): string {
  return 'code' in error ? String(error.code) : '';
}
