// Answers bytes that are not a request on their own socket. Nothing of them reaches the origin.
import type { Duplex } from 'node:stream';
import { errorAnswer } from './error-answer.ts';
import { writeRaw } from './write-raw.ts';

const statuses: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

export function refuseUnreadable(error: Error & { code?: string }, socket: Duplex, servedBy: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = statuses[error.code ?? ''] ?? 400;
  writeRaw(socket, errorAnswer(status, { get: () => null }, servedBy, 'edge'));
}
